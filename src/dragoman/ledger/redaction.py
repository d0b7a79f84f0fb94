"""Takes secrets and what names people out of texts that are kept.

The same patterns as the guardrails': keys that say what they are, private keys, e-mail addresses,
telephone, card and account numbers; and whatever stands behind a field or header that is called
like a secret. It is no proof that nothing is left: names and addresses in prose stay.
"""

from __future__ import annotations

import re
from functools import cache

from dragoman.guardrails.built_in import personal_patterns, secret_patterns
from dragoman.guardrails.patterns import Pattern
from dragoman.transport.scrub import Scrubber
from dragoman.types.guardrail import PERSONAL_KINDS

_BEARER = re.compile(r"(?i)\b(bearer|basic)([ +]|%20)[A-Za-z0-9._~+/=-]{8,}")


@cache
def _patterns() -> tuple[Pattern, ...]:
    return (*secret_patterns(), *personal_patterns(tuple(PERSONAL_KINDS)))


def redact(text: str) -> str:
    """Write `[secret]`, `[email]` and so on in place of what is found."""
    for pattern in _patterns():
        text = _replace(text, pattern)
    text = _BEARER.sub(r"\1\2[secret]", text)
    return Scrubber().body(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def _replace(text: str, pattern: Pattern) -> str:
    pieces: list[str] = []
    at = 0
    for found in pattern.find_all(text, 0):
        pieces += (text[at : found.start], f"[{pattern.label}]")
        at = found.end
    return "".join((*pieces, text[at:]))
