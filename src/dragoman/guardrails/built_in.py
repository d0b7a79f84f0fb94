"""What is looked for without anybody having to write a pattern: secrets, personal data, words."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from itertools import accumulate

from dragoman.guardrails.patterns import LOOK_BACK, Accept, Pattern
from dragoman.types.guardrail import PersonalKind

_TOKEN = string.ascii_letters + string.digits

# Prefixes that vendors give their keys, so that scanners find them.
# Source: https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns
# and the vendors' own pages on their keys (read 2026-11)
_PREFIXED = (
    r"sk-[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic, OpenRouter and those that do as they do
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,200}",  # Stripe
    r"gh[pousr]_[A-Za-z0-9]{36,251}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"glpat-[A-Za-z0-9_-]{20,200}",  # GitLab
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,300}",
    r"xox[abprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"gsk_[A-Za-z0-9]{20,200}",  # Groq
    r"hf_[A-Za-z0-9]{30,200}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,300}",
    r"dgm_[A-Za-z0-9_-]{20,200}",  # ours
    r"eyJ[A-Za-z0-9_-]{10,300}\.eyJ[A-Za-z0-9_-]{10,400}\.[A-Za-z0-9_-]{10,290}",  # JSON Web Token
)
_PREFIXED_WIDTH = 1010

_PEM_HEAD = r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_PEM_LINES = re.compile(r"[A-Za-z0-9+/=\s\\]{0,8000}")
_PEM_LONGEST = 8000
_PEM_OPENING = "-----BEGIN "

_ESCAPES = ("\\n", "\\r", "\\t", "\\b", "\\f")

_IBAN_LENGTHS = (15, 34)
_CARD_DIGITS = (13, 19)
_RUN_DIGITS = 31
"""Of a run of digits so many are looked at at once."""
_GAP_WIDTH = 20
"""Characters that may part two words of a phrase: so much more of a stream is held back."""


def secret_patterns() -> tuple[Pattern, ...]:
    """Find keys that say what they are, and private keys."""
    return (
        Pattern(
            "secret",
            "|".join(_PREFIXED),
            width=_PREFIXED_WIDTH,
            alphabet=_TOKEN + "_-.",
            accept=_on_its_own,
        ),
        Pattern(
            "private key",
            _PEM_HEAD,
            width=_PEM_LONGEST + 200,
            opening=_opening_of(_PEM_OPENING),
            opening_width=len(_PEM_OPENING),
            accept=_whole_key,
        ),
    )


def personal_patterns(kinds: Sequence[PersonalKind]) -> tuple[Pattern, ...]:
    """Find personal data of these kinds."""
    return tuple(_personal(kind) for kind in kinds)


def word_patterns(words: Sequence[str]) -> tuple[Pattern, ...]:
    """Find whole words and phrases, in capitals or not; what parts a phrase's words is all one."""
    lower = sorted((" ".join(word.lower().split()) for word in words), key=len, reverse=True)
    source = "(?i)" + "|".join(map(_phrase, lower))
    width = max(len(word) + word.count(" ") * (_GAP_WIDTH - 1) for word in lower)
    return (Pattern("word", source, width=width, accept=_whole_word(lower)),)


def _phrase(words: str) -> str:
    return rf"\s{{1,{_GAP_WIDTH}}}".join(map(_escape, words.split(" ")))


def _personal(kind: PersonalKind) -> Pattern:
    source, width, alphabet = _PERSONAL[kind]
    past = _past_card if kind == "card" else None
    return Pattern(kind, source, width=width, alphabet=alphabet, accept=_CHECKS[kind], past=past)


# Numbers are taken with all that could belong to them; the checks say what is one.
_PERSONAL: Mapping[PersonalKind, tuple[str, int, str]] = {
    "email": (
        r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,4}[A-Za-z]{2,24}",
        350,
        _TOKEN + "._%+-@",
    ),
    "phone": (
        (
            r"\+[0-9](?:[ ()./-]{0,2}[0-9]){7,14}"
            r"|\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4}"
        ),
        50,
        string.digits + " ()./-+",
    ),
    "card": (rf"[0-9](?:[ -]?[0-9]){{12,{_RUN_DIGITS - 1}}}", 62, string.digits + " -"),
    "iban": (r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}", 64, string.ascii_uppercase + "0123456789 "),
}


def _on_its_own(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A key stands on its own: what follows a letter or digit is part of a longer word."""
    if text[start - 1 : start] == "_" or _goes_on(text, start):
        return None
    return start, end


def _whole_key(text: str, start: int, end: int) -> tuple[int, int]:
    """A private key reaches to the line that ends it, or as far as lines look like one."""
    ending = _PEM_END.search(text, end, end + _PEM_LONGEST)
    if ending is not None:
        return start, ending.end()
    lines = _PEM_LINES.match(text, end)
    return start, end if lines is None else lines.end()


def _goes_on(text: str, at: int) -> bool:
    """Whether a word goes on here. The letter of an escape is none: JSON's lines end in `\\n`."""
    return text[at - 1 : at].isalnum() and text[max(at - LOOK_BACK, 0) : at] not in _ESCAPES


def _bounded(text: str, start: int, end: int) -> tuple[int, int] | None:
    return None if _goes_on(text, start) or text[end : end + 1].isalnum() else (start, end)


def _address(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Leave the letter of an escape to it, so that JSON stays JSON."""
    if text[max(start - 1, 0) : start + 1] in _ESCAPES and text[start + 1] != "@":
        start += 1
    return _bounded(text, start, end)


def _find_card(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Find a card's number in a run of digits, by its check digit.

    It begins and ends where the run does, or at a space or dash in it. Of a run that may go on,
    only those numbers are looked for that end in it, however long they are: see `_past_card`.
    Source: ISO/IEC 7812-1, annex B (Luhn's formula)
    """
    places = [at for at in range(start, end) if text[at].isdigit()]
    sums = _luhn_sums([int(text[at]) for at in places])
    for first in range(_judged(len(places))):
        if _goes_on(text, places[first]):
            continue
        for count in range(_CARD_DIGITS[1], _CARD_DIGITS[0] - 1, -1):
            last = first + count - 1
            if last >= len(places) or text[places[last] + 1 : places[last] + 2].isalnum():
                continue
            total = sums[last % 2][last + 1] - sums[last % 2][first]
            if total and total % 10 == 0:
                return places[first], places[last] + 1
    return None


def _past_card(text: str, start: int, end: int) -> int:
    """Say where to look on when no card's number was found in a run of digits."""
    places = [at for at in range(start, end) if text[at].isdigit()]
    judged = _judged(len(places))
    return places[judged] if judged < len(places) else end


def _judged(digits: int) -> int:
    """Say how many digits of a run are judged as a number's first: of one cut off, not its last."""
    return digits if digits < _RUN_DIGITS else _RUN_DIGITS - _CARD_DIGITS[1] + 1


def _luhn_sums(digits: Sequence[int]) -> tuple[list[int], list[int]]:
    """Sum digits up as Luhn's formula does, for numbers that end at even and at odd places."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits]
    even = [digits[at] if at % 2 == 0 else doubled[at] for at in range(len(digits))]
    odd = [digits[at] if at % 2 == 1 else doubled[at] for at in range(len(digits))]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))


def _find_iban(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Find an account number by its check digits: what follows it may look as if it belonged to it.

    Source: ISO 13616-1 (the remainder by 97 is 1)
    """
    if _goes_on(text, start):
        return None
    for stop in range(end, start + _IBAN_LENGTHS[0] - 1, -1):
        if text[stop : stop + 1].isalnum() or text[stop - 1] == " ":
            continue
        plain = text[start:stop].replace(" ", "")
        if not _IBAN_LENGTHS[0] <= len(plain) <= _IBAN_LENGTHS[1]:
            continue
        if int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1:
            return start, stop
    return None


def _whole_word(words: Sequence[str]) -> Accept:
    """Judge whether a word stands alone; of several that begin alike, the longest that does."""

    def accept(text: str, start: int, end: int) -> tuple[int, int] | None:
        if (whole := _bounded(text, start, end)) is not None:
            return whole
        said = text[start:end].lower()
        for word in words:
            width = _width_of(word, said)
            if width is not None and _bounded(text, start, start + width):
                return start, start + width
        return None

    return accept


def _width_of(phrase: str, text: str) -> int | None:
    """Measure a phrase at the beginning of a text, with what parts its words there."""
    at = 0
    for word in phrase.split(" "):
        rest = text[at:].lstrip() if at else text
        if not rest.startswith(word) or (at and len(rest) == len(text) - at):
            return None
        at = len(text) - len(rest) + len(word)
    return at


_CHECKS: Mapping[PersonalKind, Accept] = {
    "email": _address,
    "phone": _bounded,
    "card": _find_card,
    "iban": _find_iban,
}


def _escape(word: str) -> str:
    return "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in word)


def _opening_of(prefix: str) -> str:
    """Write a pattern for a beginning, or as much of it as stands at the end of a text."""
    pattern = _escape(prefix[-1])
    for character in reversed(prefix[:-1]):
        pattern = f"{_escape(character)}(?:{pattern}|\\z)"
    return pattern
