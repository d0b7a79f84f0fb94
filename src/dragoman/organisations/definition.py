"""What an organisation says of a provider of its own: checked as a configuration is, and built.

Law: nothing of it is read anywhere but here. No variable, file or command of the gateway's machine,
no code, no proxy; the one secret there is, the token, lies sealed beside it and is sent to one
origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from dragoman.config.build import Context, build_provider
from dragoman.config.interpolate import has_reference
from dragoman.config.layers import Rows
from dragoman.config.secrets import parse_source
from dragoman.config.sensitive import is_sensitive
from dragoman.config.shapes import Reader
from dragoman.config.walk import ProviderTable, Report
from dragoman.document.locate import Key
from dragoman.document.parse import Document
from dragoman.endpoint import is_azure, models_url, neighbour_url, organisation_endpoint_url
from dragoman.errors import ConfigError, DestinationDenied, InvalidRequest
from dragoman.transport.egress import check_url
from dragoman.types.credential import CredentialSource, Secret
from dragoman.types.http import HOPS, Url, parse_url
from dragoman.types.provider import ORGANISATION, Api, EgressPolicy, Provider

SAFE = frozenset(
    {
        *("base_url", "api", "auth", "headers", "query", "body", "default_model", "models"),
        *("model_defaults", "models_only", "timeouts", "retries", "limits", "learn", "dialect"),
        *("free", "cost_per_hour", "privacy", "check", "on_overflow", "image_model", "catalog"),
        *("emulate", "repair_arguments", "stream", "repetition_guard"),
    }
)
"""What of a provider's table an organisation may say; operators `tls` as well."""
OPERATORS = frozenset({"tls"})

SIZE_LIMIT = 256 * 1024
DEPTH_LIMIT = 20
URL_LIMIT = 2000

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,998}[\x21-\x7e])?")
_OURS = frozenset(
    {
        *("host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade"),
        *("keep-alive", "expect", "accept-encoding", "content-encoding", "via", "forwarded"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", HOPS),
    }
)
"""Headers that say how a request is sent, and which way it came: nobody's choice but ours."""
_NO_SECRETS = frozenset({"prompt_cache_key", "eos_token", "bos_token", "stop_token"})
"""Fields of requests that are only called as secrets are."""


class Row(Protocol):
    """A row of `provider`."""

    @property
    def name(self) -> str: ...
    @property
    def definition(self) -> str | None: ...
    @property
    def egress(self) -> str: ...
    @property
    def enabled(self) -> bool: ...


def check_definition(name: str, said: Mapping[str, Any], egress: EgressPolicy) -> Provider:
    """Check what is said of a provider, and build it. Raises: InvalidRequest that names the field.

    `egress` is whose word it is: `organisation` for a tenant's, `operator`.
    """
    allowed = SAFE | OPERATORS if egress == "operator" else SAFE
    for field in said:
        if field not in allowed:
            raise InvalidRequest(
                f"a provider of an organisation has no {field}",
                param=field,
                hint="what a file, a variable or code is needed for, the operator's configuration"
                " can say",
            )
    _check_size(said)
    _check_literal(said)
    check_base_url(said.get("base_url"), egress)
    _check_headers(said)
    for place, body in _bodies(said):
        _check_body(place, body)
    document = _Said(name, said)
    table, report = _read(name, document)
    # What a file may get away with, a form may not: an unknown key is a mistake here.
    for error in (*report.problems, *report.missing, *report.notes):
        raise _invalid(error, name)
    provider = _build(name, table, egress)
    for error in provider.problems:
        raise _invalid(error, name)
    return provider


def build_custom(row: Row, token: Secret | None) -> Provider:
    """Build an organisation's own provider of its row. Never raises: see `Provider.problems`."""
    egress = egress_of(row)
    try:
        said = msgspec.json.decode(row.definition or "{}", type=dict[str, Any])
        table, _ = _read(row.name, _Said(row.name, said))
        provider = _build(row.name, table, egress)
    except (msgspec.DecodeError, RecursionError, ConfigError) as error:
        broken = ConfigError(f"provider '{row.name}': its settings cannot be read: {error}")
        provider = Provider(
            name=row.name, base_url="", problems=(broken,), egress=egress, origin=ORGANISATION
        )
    return with_token(replace(provider, enabled=row.enabled), token)


def egress_of(row: Row) -> EgressPolicy:
    """Say under which policy a row's address is called; an unknown word is the stricter one."""
    return "operator" if row.egress == "operator" else "organisation"


def with_token(provider: Provider, token: Secret | None) -> Provider:
    """Give a provider this token, and no other key, whatever variables there are."""
    sources = () if token is None else (CredentialSource("literal", token),)
    return replace(provider, credentials=sources, rotate=False)


def called_urls(base_url: str, api: Api, egress: EgressPolicy) -> dict[str, str]:
    """Say which URLs will be called: for requests, for embeddings, for the list of models.

    Raises: InvalidRequest for what is no base URL.
    """
    check_base_url(base_url, egress)
    url = effective_url(base_url, api)
    embeddings = neighbour_url(url, api, "{model}", "/embeddings").replace("%7Bmodel%7D", "{model}")
    requests = neighbour_url(url, api, "{model}", _PATHS[api]).replace("%7Bmodel%7D", "{model}")
    return {"requests": requests, "embeddings": embeddings, "models": models_url(url, api)}


_PATHS: Mapping[Api, str] = {
    "openai-completions": "/chat/completions",
    "openai-responses": "/responses",
    "anthropic-messages": "/messages",
}


def effective_url(base_url: str, api: Api) -> str:
    """Write a base URL so that the general rules lead where an organisation's lead."""
    return base_url if is_azure(base_url) else organisation_endpoint_url(base_url, api)


def check_base_url(text: object, egress: EgressPolicy) -> Url:
    """See that something is a base URL that may be called. Raises: InvalidRequest."""
    if not isinstance(text, str) or not text:
        raise InvalidRequest(
            "a provider needs a base_url", param="base_url", hint="write it like https://host/v1"
        )
    if len(text) > URL_LIMIT or has_reference(text):
        raise InvalidRequest("base_url is too long, or refers to a variable", param="base_url")
    if not text.lower().startswith(("https://", "http://")):
        raise InvalidRequest(
            "base_url must begin with https://",
            param="base_url",
            hint="write it like https://host/v1",
        )
    try:
        url = parse_url(text)
        check_url(url, egress)
    except (ValueError, DestinationDenied) as error:
        raise InvalidRequest(
            f"base_url cannot be used: {error}",
            param="base_url",
            hint=getattr(error, "hint", None) or "write it like https://host/v1",
        ) from None
    for pair in url.target.partition("?")[2].split("&"):
        _refuse_secret("base_url", pair.partition("=")[0])
    return url


# ---------------------------------------------------------------------------------------- build


class _Said(Document):
    """What was said, as a layer of one provider; a place in it is a path of fields."""

    def __init__(self, name: str, said: Mapping[str, Any]) -> None:
        # Nobody has said what a model costs that is described without a price.
        table = {"model_defaults": False, **said}
        super().__init__({"providers": {name: table}}, layer=ORGANISATION)

    def place(self, path: Key) -> str:
        return ".".join(str(step) for step in path[2:])


def _read(name: str, document: _Said) -> tuple[ProviderTable, Report]:
    report = Report()
    reader = Reader(document, {}, report)
    reader.provider(document.data["providers"][name], ("providers", name), name)
    table = reader.layer.providers.get(name)
    if table is None:
        raise report.problems[0]
    return table, table.report


def _build(name: str, table: ProviderTable, egress: EgressPolicy) -> Provider:
    # A built-in that came later and has the same name is another provider.
    others = {other: row for other, row in _built_in().items() if other != name}
    provider = build_provider(name, [table], Context({}, others, {}, []))
    if provider.base_url and not provider.problems:
        provider = replace(provider, base_url=effective_url(provider.base_url, provider.api))
    return replace(
        provider, credentials=(), egress=egress, origin=ORGANISATION, trusted=False, place=None
    )


@cache
def _built_in() -> Mapping[str, ProviderTable]:
    rows = Rows({})
    return {name: rows[name] for name in rows}


# --------------------------------------------------------------------------------------- checks


def _check_size(said: Mapping[str, Any]) -> None:
    size = len(msgspec.json.encode(said))
    if size > SIZE_LIMIT:
        raise InvalidRequest(f"a provider's settings may have {SIZE_LIMIT} bytes, not {size}")
    level: list[Any] = list(said.values())
    for _ in range(DEPTH_LIMIT):
        level = [inner for one in level for inner in _inside(one)]
    if level:
        raise InvalidRequest(f"a provider's settings are nested more than {DEPTH_LIMIT} deep")


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _check_literal(said: Mapping[str, Any]) -> None:
    """See that nothing refers to what is on the gateway's machine."""
    for field, value in said.items():
        if has_reference(value):
            raise InvalidRequest(
                f"{field} refers to a variable (${{…}} or $$)",
                param=field,
                hint="the gateway's variables are its operator's: write the value itself",
            )


def _check_headers(said: Mapping[str, Any]) -> None:
    for field in ("headers", "query"):
        pairs = said.get(field)
        for name, value in pairs.items() if isinstance(pairs, Mapping) else ():
            place = f"{field}.{str(name)[:60]}"
            if not isinstance(name, str) or not isinstance(value, str):
                raise InvalidRequest(f"{place} must be a string", param=field)
            if parse_source(value).kind != "literal":
                raise InvalidRequest(
                    f"{place} refers to a secret on the gateway's machine",
                    param=field,
                    hint="write the value itself; the token has a field of its own",
                )
            _refuse_secret(place, name)
            if field == "query":
                continue
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
                raise InvalidRequest(f"{place} is no header that can be set", param=field)
            if not _HEADER_VALUE.fullmatch(value):
                raise InvalidRequest(
                    f"{place} holds what no header can carry",
                    param=field,
                    hint="1 to 1000 printable ASCII characters, with no spaces at the ends",
                )


def _bodies(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Find what is added to requests: of the provider, and of its models."""
    yield "body", said.get("body")
    models = said.get("models")
    if isinstance(models, list):
        models = dict(enumerate(models))
    for key, model in models.items() if isinstance(models, Mapping) else ():
        if isinstance(model, Mapping):
            yield f"models.{str(key)[:60]}.body", model.get("body")


def _check_body(place: str, value: Any, name: str = "") -> None:
    """See that no text in it has the name of a secret. `max_tokens` is none, being a number."""
    if isinstance(value, Mapping):
        for inner, one in value.items():
            _check_body(f"{place}.{str(inner)[:60]}", one, str(inner))
    elif isinstance(value, list):
        for one in value:
            _check_body(place, one, name)
    elif isinstance(value, str) and name not in _NO_SECRETS:
        _refuse_secret(place, name)


def _refuse_secret(place: str, name: str) -> None:
    if is_sensitive(name):
        raise InvalidRequest(
            f"{place} looks like a secret ('{name[:60]}'), and would be kept where people read it",
            param=place.partition(".")[0],
            hint="give it as `token`: that is sealed, and sent as `auth` says",
        )


def _invalid(error: ConfigError, name: str) -> InvalidRequest:
    place = error.place or ""
    message = error.message.removeprefix(f"{place}: ").removeprefix(f"provider '{name}': ")
    return InvalidRequest(message, param=place or None, hint=error.hint)
