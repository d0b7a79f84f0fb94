"""`--curl`: the request that would be sent, as a command; secrets are references, or left out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit
from dragoman.cli.terminal.masking import HIDDEN, masked_url
from dragoman.client import Client
from dragoman.config.sensitive import is_sensitive
from dragoman.types.message import Message

if TYPE_CHECKING:
    from dragoman.engine.outgoing import Outgoing
    from dragoman.types.credential import CredentialSource
    from dragoman.types.provider import Provider

_AUTH = ("authorization", "x-api-key", "api-key")


def print_curl(
    session: Session,
    refs: Sequence[str] | None,
    said: Sequence[Message],
    params: Mapping[str, Any],
    *,
    stream: bool,
) -> Exit:
    """Print the command, and on stderr what was left out or changed, and why. Sends nothing.

    Raises: DragomanError, as sending would.
    """
    with session.client() as client:
        outgoing = client.preview(refs, said, stream=stream, **params)
        provider = _provider(client, refs, params)
    for line in curl_lines(outgoing, provider, stream=stream):
        session.terminal.out.line(line)
    for remark in [*outgoing.warnings, *dialect_remarks(provider, params)]:
        session.terminal.note(f"# {remark}")
    return Exit.OK


def curl_lines(outgoing: Outgoing, provider: Provider, *, stream: bool) -> Iterator[str]:
    """Write the command, one line an argument, so that a shell would run it as it is."""
    from dragoman.engine.secrecy import SECRET_CHARS, find_secrets

    request, body = outgoing.request, outgoing.request.body.decode()
    # An adapter may put its options anywhere.
    secrets = find_secrets(outgoing) - {""} if provider.adapter is not None else set()
    for secret in sorted(secrets, key=len, reverse=True):
        body = body.replace(secret, HIDDEN) if len(secret) >= SECRET_CHARS else body
    yield f"curl {'-N ' if stream else ''}{_quoted(_shown_url(outgoing, provider))} \\"
    for name, value in request.headers.items():
        shown = _shown_header(name, value, provider, outgoing)
        if any(secret in shown for secret in secrets):
            shown = HIDDEN
        yield f"  -H {_quoted(f'{name}: {shown}')} \\"
    yield f"  --data-raw {shlex.quote(body)}"


def dialect_remarks(provider: Provider, params: Mapping[str, Any]) -> list[str]:
    """Say what the provider's dialect calls otherwise than the caller did."""
    dialect = provider.dialect
    renamed = dict(dialect.rename)
    if dialect.max_tokens_field != "max_tokens":
        renamed["max_tokens"] = dialect.max_tokens_field
    given = {*params, *params.get("body", {})}
    return [
        f"{name} is sent as {other}: the dialect of {provider.name}"
        for name, other in renamed.items()
        if name in given
    ]


def _provider(client: Client, refs: Sequence[str] | None, params: Mapping[str, Any]) -> Provider:
    registry, asked = client.registry, refs
    if base_url := params.get("base_url"):
        api = params.get("api", "openai-completions")
        registry, asked = registry.with_endpoint(base_url, api, refs)
    return registry.resolve(asked).deployments[0].provider


def _shown_url(outgoing: Outgoing, provider: Provider) -> str:
    """The URL, with what is secret in its query as a reference."""
    url = str(outgoing.request.url)
    base, mark, query = url.partition("?")
    if not mark:
        return url
    shown = []
    for pair in query.split("&"):
        name = pair.partition("=")[0]
        source = provider.query.get(name)
        if source is None:
            shown.append(masked_url(f"?{pair}")[1:])
        else:
            shown.append(f"{name}={_reference(name, pair.partition('=')[2], source)}")
    return f"{base}?{'&'.join(shown)}"


def _shown_header(name: str, value: str, provider: Provider, outgoing: Outgoing) -> str:
    source = provider.headers.get(name)
    if source is not None:
        return _reference(name, value, source)
    credential = outgoing.target.credential
    if credential is not None and credential.secret.reveal() in value:
        # Labels of variables are written `$NAME`: what a shell puts its value in for.
        label = credential.label if credential.label.startswith("$") else HIDDEN
        return value.replace(credential.secret.reveal(), label)
    made = provider.adapter is not None and (name in _AUTH or is_sensitive(name, value))
    return HIDDEN if made else value


def _reference(name: str, value: str, source: CredentialSource) -> str:
    if source.kind == "literal":
        return HIDDEN if is_sensitive(name, value) else value
    if source.kind == "env":
        return f"${source.value}"
    return HIDDEN


def _quoted(text: str) -> str:
    """Quote for a shell; a reference to a variable stays one."""
    if "$" not in text:
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`")
    return f'"{escaped}"'
