"""What may be shown of a setting that can hold a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from dragoman.types.credential import CredentialSource

HIDDEN = "…"

_SENSITIVE = re.compile(
    r"(?i)(^|[-_.])(auth|authorization|cookie|key|apikey|token|secret|password|passwd|pwd|sig|code"
    r"|signature|credential|session)s?($|[-_.])|api-?key|access|token|secret"
)


_LONG = 20


def is_sensitive(name: str, value: str = "") -> bool:
    """Tell whether a header or parameter holds a secret, as far as name and looks tell."""
    return _SENSITIVE.search(name) is not None or _looks_random(value)


def _looks_random(value: str) -> bool:
    """Whether a value is long, without spaces, with letters and figures mixed, as keys are."""
    return (
        len(value) >= _LONG
        and not any(character.isspace() for character in value)
        and any(character.isdigit() for character in value)
        and any(character.isalpha() for character in value)
    )


def masked_url(url: str) -> str:
    """Show a URL without the values of parameters that may be secret."""
    base, mark, query = url.partition("?")
    if not mark:
        return url
    shown = []
    for pair in query.split("&"):
        name, value = next(iter(parse_qsl(pair, keep_blank_values=True)), (pair, ""))
        hidden = is_sensitive(name, value)
        shown.append(f"{pair.partition('=')[0]}={HIDDEN}" if hidden else pair)
    return f"{base}?{'&'.join(shown)}"


def masked_values(sources: Mapping[str, CredentialSource]) -> dict[str, str]:
    """Show headers or parameters: references as written, literals where their name is harmless."""
    return {name: masked_value(name, source) for name, source in sources.items()}


def masked_value(name: str, source: CredentialSource) -> str:
    """Show one value."""
    if source.kind == "literal":
        value: str = source.value.reveal()
        return HIDDEN if is_sensitive(name, value) else value
    return str(source)
