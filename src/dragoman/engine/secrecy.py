"""What of an upstream's words is not repeated: secrets that we have sent, and all that is said at
an address that an organisation wrote and that may be anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from dragoman.config.sensitive import is_sensitive
from dragoman.engine.outgoing import Outgoing
from dragoman.engine.target import Target
from dragoman.errors import DragomanError, UpstreamError
from dragoman.types.credential import CredentialSource
from dragoman.types.spelling import spell

SECRET_CHARS = 8
"""A shorter credential is no secret, and may well be a word."""
_REPEATED = ("message", "code", "request_id", "upstream_code", "upstream_type", "param")


def find_secrets(outgoing: Outgoing) -> set[str]:
    """List what of a request must not be repeated: its key, and secrets in headers and options."""
    target = outgoing.target
    found = {target.credential.secret.reveal()} if target.credential else set()
    if isinstance(target, Target):
        provider = target.site.provider
    else:
        provider = target.ask.provider
        found |= _secret(target.ask.options, provider.options)
    headers = {name: outgoing.request.headers.get(name.lower(), "") for name in provider.headers}
    query = dict(parse_qsl(outgoing.request.url.target.partition("?")[2]))
    return found | _secret(headers, provider.headers) | _secret(query, provider.query)


def hide_secret(error: DragomanError, secret: str) -> None:
    """Take a credential out of whatever of an error repeats it, however it is spelled."""
    if len(secret) < SECRET_CHARS:
        return
    for name in _REPEATED:
        said = getattr(error, name, None)
        if isinstance(said, str) and (hidden := without_secret(said, secret)) != said:
            setattr(error, name, hidden)
    for spelling in spell(secret):
        error.raw = error.raw.replace(spelling, b"...") if error.raw else error.raw
    error.args = (error.message,)


def hide_words(error: DragomanError) -> None:
    """Leave out of an error what the other side said, unless that is known for an API's error.

    Law: an organisation writes the URL, and `egress_allow` may let it lead inside. What answers
    there must not be read through us.
    """
    if error.own_words is None:
        return
    error.message, error.raw = error.own_words, None
    error.args = (error.message,)
    error.request_id = None
    if isinstance(error, UpstreamError):
        error.upstream_code = error.upstream_type = error.param = None


def without_secret(text: str, secret: str) -> str:
    """Take a credential out of a text, however it is spelled."""
    for spelling in spell(secret) if len(secret) >= SECRET_CHARS else ():
        text = text.replace(spelling.decode(), "…")
    return text


def _secret(values: Mapping[str, str], sources: Mapping[str, CredentialSource]) -> set[str]:
    """Of settings, by name, those values that were referred to, or are called like secrets.

    Addresses are none, `token_url` say: messages name them.
    """
    return {
        value
        for name, source in sources.items()
        if (value := values.get(name))
        and not value.startswith(("http://", "https://"))
        and (source.kind != "literal" or is_sensitive(name, value))
    }
