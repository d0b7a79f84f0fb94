"""One guardrail, compiled: what it looks for, and how much it lets pass."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from dragoman.errors import ConfigError
from dragoman.guardrails.built_in import personal_patterns, secret_patterns, word_patterns
from dragoman.guardrails.patterns import Pattern, users_pattern
from dragoman.types.guardrail import Guardrail

BYTES_PER_TOKEN = 4
WORDS_LIMIT = 1000
HURRIED_PATTERNS = 50
"""Of one guardrail that is hurried: each takes memory of its own, too."""
_UNFIT = frozenset('"\\')
"""What a replacement must not hold: it may come to stand inside of a tool call's JSON."""


class Check(NamedTuple):
    """One guardrail with what it looks for."""

    rule: Guardrail
    patterns: tuple[Pattern, ...]

    @property
    def limit_bytes(self) -> int | None:
        """How much text may pass; None for any."""
        tokens = self.rule.max_tokens
        limits = [self.rule.max_bytes, None if tokens is None else tokens * BYTES_PER_TOKEN]
        return min((limit for limit in limits if limit is not None), default=None)


def compile_guardrail(rule: Guardrail) -> Check:
    """Compile one guardrail. Raises: ConfigError that names it."""
    try:
        return Check(_checked(rule), _patterns(rule))
    except ConfigError as error:
        raise ConfigError(
            f"guardrail '{rule.name}': {error.message}", place=rule.place, hint=error.hint
        ) from None


def _checked(rule: Guardrail) -> Guardrail:
    wanting = {
        "pattern": not rule.patterns,
        "words": not any(word.strip() for word in rule.words),
        "personal": not rule.entities,
        "size": rule.max_tokens is None and rule.max_bytes is None,
        "secrets": False,
    }
    if wanting[rule.kind]:
        raise ConfigError(f"says nothing to look for: {_NEEDED[rule.kind]}")
    if not rule.where:
        raise ConfigError("looks nowhere", hint='where = ["in", "out"], or one of them')
    said = rule.replacement or ""
    if not said.isprintable() or _UNFIT & set(said) or len(said) > 100:
        raise ConfigError(
            "this replacement cannot be used",
            hint="at most 100 printable characters, without quotes and backslashes",
        )
    return replace(rule, action="deny") if rule.kind == "size" else rule


_NEEDED = {
    "pattern": "patterns = ['…']",
    "words": "words = ['…']",
    "personal": "entities = ['email', 'phone', 'card', 'iban']",
    "size": "max_tokens or max_bytes",
}


def _patterns(rule: Guardrail) -> tuple[Pattern, ...]:
    if rule.kind == "secrets":
        return secret_patterns()
    if rule.kind == "personal":
        return personal_patterns(rule.entities)
    if rule.kind == "words":
        words = [word.strip() for word in rule.words if word.strip()]
        if len(words) > WORDS_LIMIT:
            raise ConfigError(f"has {len(words)} words, at most {WORDS_LIMIT}")
        return word_patterns(words)
    if rule.hurried and len(rule.patterns) > HURRIED_PATTERNS:
        raise ConfigError(
            f"has {len(rule.patterns)} patterns, at most {HURRIED_PATTERNS}",
            hint="put several into one with |, or list words: kind = 'words'",
        )
    bounded = "out" in rule.where
    return tuple(
        users_pattern(source, bounded=bounded, small=rule.hurried) for source in rule.patterns
    )
