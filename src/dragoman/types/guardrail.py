"""Guardrails: what may not go in or come out, as a configuration or an organisation says it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

GuardrailKind: TypeAlias = Literal["pattern", "words", "secrets", "personal", "size"]
GuardrailAction: TypeAlias = Literal["redact", "deny"]
Direction: TypeAlias = Literal["in", "out"]
GuardrailMode: TypeAlias = Literal["enforce", "shadow"]
PersonalKind: TypeAlias = Literal["email", "phone", "card", "iban"]

PERSONAL_KINDS: tuple[PersonalKind, ...] = ("email", "iban", "card", "phone")
"""In the order in which they are looked for: a number may look like several of them."""


class Guardrail(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One check. It looks at what goes to models (`in`), at what comes back (`out`), or both.

    `mode` `shadow`: nothing is changed or refused, only told. `patterns` belong to the kind
    `pattern`, `words` to `words`, `entities` to `personal`; `max_tokens` (estimated) and
    `max_bytes` of text to `size`, which always denies. `replacement` stands where something was
    redacted; None says what it was. `strict`: what cannot be looked at (media, files) is refused.
    `hurried`: who wrote it is not trusted with everybody's time, so its patterns may take only so
    much of it.
    """

    name: str
    kind: GuardrailKind
    action: GuardrailAction = "redact"
    where: tuple[Direction, ...] = ("in", "out")
    mode: GuardrailMode = "enforce"
    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    entities: tuple[PersonalKind, ...] = PERSONAL_KINDS
    max_tokens: int | None = None
    max_bytes: int | None = None
    replacement: str | None = None
    strict: bool = False
    hurried: bool = False
    place: str | None = None


class Finding(Struct, frozen=True, omit_defaults=True):
    """What a guardrail found in one exchange, and did. `what` is the kind of thing, never itself.

    With the mode `shadow` it would have done so.
    """

    guardrail: str
    where: Direction
    action: GuardrailAction
    what: str
    count: int = 1
    mode: GuardrailMode = "enforce"

    @property
    def sentence(self) -> str:
        """Say it to people."""
        did = "redacted" if self.action == "redact" else "refused"
        would = "would have " if self.mode == "shadow" else ""
        side = "request" if self.where == "in" else "answer"
        what = f"{self.what} ({self.count})"
        return f"guardrail {self.guardrail}: {would}{did}, in the {side}: {what}"
