"""JSON as models write it: found among prose, and repaired where it is broken.

Law: JSON that is sound comes back as it is, byte for byte. One pass, so that a megabyte of
brackets takes no longer than a megabyte of anything else. What is mended: fences, prose around,
comments, trailing and missing commas, single and curly quotes, names and words without quotes,
Python's and JavaScript's words, raw line breaks and quotes within strings, an end that is missing.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

import msgspec

DEEPEST = 200
"""Nobody means what is nested deeper than this."""

_CANDIDATES = 16
"""Openings that are tried before the first of them is repaired."""

_FENCE = re.compile(r"```[ \t]*[\w+-]*[ \t]*\r?\n?(.*?)(?:```|\Z)", re.DOTALL)
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|#[^\n]*)*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[^\s,:{}\[\]\"'“”]+")
_WORDS_END = re.compile(r"[,\n}\]]|\Z")
_OPENING = re.compile(r"[{\[]")
_BLANKS = re.compile(r"\s{0,200}")
_PLAIN = re.compile(r"[^\"'“”‘’`\\\x00-\x1f]*")
_UNICODE = re.compile(r"u[0-9a-fA-F]{4}")
_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "‘": "’", "`": "`"}
_WORDS = {
    "true": "true", "false": "false", "null": "null",
    "none": "null", "undefined": "null", "nan": "null", "infinity": "null", "-infinity": "null",
}  # fmt: skip
_ESCAPES = frozenset('"\\/bfnrt')
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def is_json(text: str) -> bool:
    """Whether a text is JSON as it stands."""
    try:
        msgspec.json.decode(text)
    except RecursionError:
        return False
    except (ValueError, UnicodeEncodeError):
        return _is_unusual_json(text)
    return True


def repair_json(text: str) -> str:
    """Make JSON of a text that was meant to be; what is sound stays as it is.

    Raises: ValueError when there is nothing to be made of it, or when it is nested too deep.
    """
    return text if is_json(text) else _Repair(text).whole()


def find_json(text: str) -> str:
    """Find the JSON in an answer, which may stand in a fence or among prose; repair it if need be.

    A text that is JSON comes back as it is. Of several objects or lists the longest counts.

    Raises: ValueError when there is none.
    """
    if is_json(text):
        return text
    fenced = [found[1] for found in _FENCE.finditer(text) if found[1].lstrip()[:1] in ("{", "[")]
    for inside in fenced:
        if is_json(inside):
            return inside.strip()
    if (sound := _longest_sound(text)) is not None:
        return sound
    meant = fenced[0] if fenced else text
    opening = _OPENING.search(meant)
    if opening is None:
        raise ValueError("there is no JSON in it")
    return _Repair(meant, opening.start()).whole()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_unusual = json.JSONDecoder(parse_constant=_refuse_constant)


def _is_unusual_json(text: str) -> bool:
    """Whether it is JSON with what msgspec refuses: lone surrogates, numbers out of range."""
    try:
        _unusual.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _longest_sound(text: str) -> str | None:
    """Find the longest sound object or list in a text; the first openings alone are tried."""
    best: tuple[int, int] | None = None
    at, failed = 0, 0
    while failed < _CANDIDATES:
        opening = _OPENING.search(text, at)
        if opening is None:
            break
        at = opening.start()
        try:
            _, end = _unusual.raw_decode(text, at)
        except (ValueError, RecursionError):
            at, failed = at + 1, failed + 1
            continue
        if best is None or end - at > best[1] - best[0]:
            best = at, end
        at = end
    # A sound piece of something broken is not what was meant.
    if best is None or (failed and not _stands_alone(text, best[0])):
        return None
    return text[best[0] : best[1]]


def _stands_alone(text: str, start: int) -> bool:
    """Whether no bracket is open before a place, as far as counting can tell."""
    before = text[:start]
    return before.count("{") <= before.count("}") and before.count("[") <= before.count("]")


class _Repair:
    """One reading of a broken text, from left to right, writing what was meant."""

    def __init__(self, text: str, at: int = 0) -> None:
        self._text = text
        self._at = at
        self._out: list[str] = []
        self._open: list[str] = []  # what closes the open objects and lists

    def whole(self) -> str:
        """Write the first value of the text. Raises: ValueError."""
        self._skip()
        if self._at >= len(self._text):
            raise ValueError("there is no JSON in it")
        self._value()
        while self._open:
            if self._open[-1] == "}":
                self._in_object()
            else:
                self._in_list()
        made = "".join(self._out)
        if not is_json(made):
            raise ValueError("it is not JSON, and can't be repaired")
        return made

    # -- objects and lists: each step writes one member, or the end

    def _in_object(self) -> None:
        sign = self._next_sign()
        if sign in ("}", "]", ""):
            self._close(sign, "}")
            return
        mark = len(self._out)
        self._comma("{")
        if sign in _QUOTES:
            self._string(sign)
        else:
            self._name()
        self._skip()
        if self._peek() == ":":
            self._at += 1
            self._skip()
        if self._peek() in ("", "}", ",", "]"):
            del self._out[mark:]  # a name that nothing was said of
            return
        self._out.append(":")
        self._value()

    def _in_list(self) -> None:
        sign = self._next_sign()
        if sign in ("}", "]", ""):
            self._close(sign, "]")
            return
        if sign == ":":  # of a name and its value in a list: both are kept
            self._at += 1
            return
        self._comma("[")
        self._value()

    def _next_sign(self) -> str:
        """Go to what comes next, over commas; the sign that is there, nothing at the end."""
        self._skip()
        while self._peek() in (",", ";"):
            self._at += 1
            self._skip()
        return self._peek()

    def _comma(self, opening: str) -> None:
        if self._out[-1] != opening:
            self._out.append(",")

    def _close(self, sign: str, wanted: str) -> None:
        """End what is open; of two brackets that are swapped the open one counts."""
        if sign == wanted or (sign and wanted not in self._open[:-1] and sign not in self._open):
            self._at += 1
        self._out.append(self._open.pop())

    # -- values

    def _value(self) -> None:
        sign = self._peek()
        if sign in ("{", "["):
            if len(self._open) >= DEEPEST:
                raise ValueError("nested too deep")
            self._at += 1
            self._open.append("}" if sign == "{" else "]")
            self._out.append(sign)
        elif sign in _QUOTES:
            self._string(sign)
        else:
            self._bare()

    def _name(self) -> None:
        """A name without quotes."""
        found = _WORD.match(self._text, self._at)
        if found is None:  # a sign that has no business here
            self._at += 1
            self._out.append('""')
            return
        self._at = found.end()
        self._out.append(json.dumps(found[0], ensure_ascii=False))

    def _bare(self) -> None:
        """A number, a word of JSON, Python or JavaScript, or words without quotes."""
        start = self._at
        found = _WORD.match(self._text, start)
        if found is None:
            self._at += 1
            self._out.append("null")
            return
        self._at = found.end()
        word = found[0]
        if _NUMBER.fullmatch(word):
            self._out.append(word)
        elif word.lower() in _WORDS:
            self._out.append(_WORDS[word.lower()])
        elif (number := _mended_number(word)) is not None:
            self._out.append(number)
        else:
            ending = _WORDS_END.search(self._text, self._at)
            assert ending is not None, "it matches the end as well"
            self._at = ending.start()
            words = self._text[start : self._at].strip()
            self._out.append(json.dumps(words, ensure_ascii=False))

    def _string(self, quote: str) -> None:
        """A string: up to the quote behind which it can end, else up to the end of the text."""
        text = self._text
        self._at += 1
        self._out.append('"')
        closing = _QUOTES[quote]
        while True:
            found = _PLAIN.match(text, self._at)
            assert found is not None, "it matches nothing as well"
            self._out.append(found[0])
            self._at = at = found.end()
            sign = text[at : at + 1]
            if not sign:
                break
            self._at += 1
            if sign == "\\":
                self._escape()
            elif sign == closing:
                if self._ends_here():
                    break
                self._out.append('\\"' if sign == '"' else sign)
            elif sign == '"':
                self._out.append('\\"')
            else:
                self._out.append(_control(sign) if sign < " " else sign)
        self._out.append('"')

    def _escape(self) -> None:
        """What a backslash begins; one that begins nothing is a backslash."""
        text, at = self._text, self._at
        sign = text[at : at + 1]
        if not sign:
            return  # the end was cut off here
        if (found := _UNICODE.match(text, at)) is not None:
            self._out.append("\\" + found[0])
            self._at = found.end()
        elif sign in _ESCAPES:
            self._out.append("\\" + sign)
            self._at += 1
        elif sign in ("'", "`"):
            self._out.append(sign)
            self._at += 1
        elif sign == "\n":  # a line that goes on, as in JavaScript
            self._at += 1
        else:
            self._out.append("\\\\")

    def _ends_here(self) -> bool:
        """Whether a string can end here: what follows is no word of it."""
        found = _BLANKS.match(self._text, self._at)
        assert found is not None, "it matches nothing as well"
        following = self._text[found.end() : found.end() + 1]
        if following in ("", ",", ":", "}", "]", "#", "/", "`"):
            return True
        # A comma is missing: the next member begins, on this line or the next.
        return (following in _QUOTES or following in "{[") and found.end() > self._at

    # -- reading

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None, "it matches nothing as well"
        self._at = found.end()


def _control(sign: str) -> str:
    return _CONTROL.get(sign) or f"\\u{ord(sign):04x}"


def _mended_number(word: str) -> str | None:
    """Write a number that is nearly one (`+1`, `.5`, `1.`, `1_000`) as JSON has it."""
    text = word.replace("_", "").removeprefix("+")
    if text[:1] == ".":
        text = "0" + text
    elif text[:2] == "-.":
        text = "-0" + text[1:]
    text = text.removesuffix(".")
    return text if _NUMBER.fullmatch(text) else None
