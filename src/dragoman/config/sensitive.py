"""Which headers and parameters hold a secret, as far as their names and looks tell."""

from __future__ import annotations

import re

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
