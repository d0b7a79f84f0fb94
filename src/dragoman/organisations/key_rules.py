"""The rules of a gateway key, checked as people write them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable

from dragoman.config.kinds import NAME
from dragoman.errors import InvalidRequest
from dragoman.types.gateway_key import KeyRules

ENTRIES_LIMIT = 200
"""So many entries a list may have: every request is held against them."""
TEXT_LIMIT = 200

_ENDPOINT = re.compile(r"(/[a-z_*]+)+")
_CLASS = re.compile(r"[a-z0-9][a-z0-9_-]*")


def checked_rules(rules: KeyRules) -> KeyRules:
    """Check rules, and write them in one way. Raises: InvalidRequest that names the field."""
    privacy = rules.privacy
    if privacy is not None and not _fits(_CLASS, privacy):
        raise _wrong(
            *("privacy", privacy, "small letters, digits, '-' and '_', as with the providers")
        )
    return KeyRules(
        models=_each("models", rules.models, _model),
        providers=_each("providers", rules.providers, _provider),
        endpoints=_each("endpoints", rules.endpoints, _endpoint),
        addresses=_each("addresses", rules.addresses, _network),
        privacy=privacy,
        content=rules.content,
    )


def _each(name: str, entries: Iterable[str], check: Callable[[str], str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(check(entry) for entry in entries))
    if len(found) > ENTRIES_LIMIT:
        raise InvalidRequest(
            f"rules.{name} has {len(found)} entries, and may have {ENTRIES_LIMIT}",
            param=f"rules.{name}",
            hint="say several at once with '*', or make several keys",
        )
    return found


def _model(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > TEXT_LIMIT or text != text.strip():
        raise _wrong("models", text, "write provider/model, a route's name, or '*' for any text")
    return text


def _provider(text: str) -> str:
    if not _fits(NAME, text):
        raise _wrong("providers", text, "write providers' names, as in provider/model")
    return text


def _endpoint(text: str) -> str:
    path = "/" + text.lstrip("/").removeprefix("v1/")
    if not _fits(_ENDPOINT, path):
        raise _wrong("endpoints", text, "write paths such as /chat/completions, or '*'")
    return path


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise _wrong("addresses", text, "write 10.0.0.0/8, 2001:db8::/32 or an address") from None
    raise _wrong("addresses", text, f"{meant} is the whole range: write that, or the address alone")


def _fits(pattern: re.Pattern[str], text: str) -> bool:
    return len(text) <= TEXT_LIMIT and pattern.fullmatch(text) is not None


def _wrong(name: str, text: str, hint: str) -> InvalidRequest:
    return InvalidRequest(f"rules.{name} cannot be {text[:60]!r}", param=f"rules.{name}", hint=hint)
