"""What may be shown of a setting that can hold a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from dragoman.config.sensitive import is_sensitive

if TYPE_CHECKING:
    from dragoman.types.credential import CredentialSource

HIDDEN = "…"


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
