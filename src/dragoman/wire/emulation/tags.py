"""Tool calls in a text, wherever it is cut: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.

Law: a tag counts where JSON follows it that names a tool of the request; anything else is text and
comes out as it went in. A call comes out when it is whole, never half. White space around calls is
no text.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from dragoman.wire.cut_tag import half_tag
from dragoman.wire.emulation.words import CLOSE, OPEN
from dragoman.wire.json_repair import find_json, is_json, repair_json

MAX_CALL_CHARS = 8 * 1024 * 1024
"""A call longer than this is text."""

_SLICE = 16 * 1024
"""What is taken at once, so that what is left over is never copied often."""

# How far one has to look to be sure: what is longer than that is another thing, so that nothing
# depends on where the text is cut.
_LOOK_AHEAD = 64
_JSON_AHEAD = re.compile(r"\s{0,20}(?:```\w{0,12}\s{0,20})?[{\[]")
_MAYBE_JSON = re.compile(r"\s*(?:`{0,2}|```\w*\s*)\Z")
_BARE_CHARS = 260
_BARE = re.compile(
    r"\s{0,20}(?:```\w{0,12}\s{0,20})?(?:\[\s{0,10})?\{\s{0,20}"
    r'"name"\s{0,5}:\s{0,5}"([^"\\]{1,128})"'
)
_BARE_AHEAD = re.compile(r"\s*[{\[`]")
_LETTERS = "abcdefghijklmnopqrstuvwxyz_"
_IN_CALL = re.compile(r'\\.|"|' + CLOSE, re.DOTALL)
_ARGUMENTS = ("arguments", "parameters", "args", "input")
_members = msgspec.json.Decoder(dict[str, Raw])
_elements = msgspec.json.Decoder(list[Raw])


class Call(Struct, frozen=True):
    """A call that was written in a text. `mended`: its JSON had to be repaired."""

    name: str
    arguments: str
    mended: bool


Piece: TypeAlias = str | Call
Taking: TypeAlias = Generator[Piece, None, str | None]
"""Yields what is certain, and returns what the next state has to take."""


class TagReader:
    """Cuts one text into words and calls. `names` are the tools of the request.

    `doubts` tells what looked like a call and was left as it was.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self.doubts: list[str] = []
        self._names = names
        self._state: Literal["start", "text", "call", "bare"] = "start"
        self._blank: list[str] = []  # white space at the end of the text so far
        self._held = ""  # behind it: what may be the beginning of a tag
        self._body = _Body()
        self._bare: list[str] = []
        self._naive = False
        self._before = ""  # white space before the open call: none of the words if it is one
        self._behind_call = False

    @property
    def holds(self) -> bool:
        """Whether something has come that is not out yet."""
        return bool(self._held or self._blank) or self._state in ("call", "bare")

    def feed(self, text: str) -> list[Piece]:
        """Take more text."""
        return [piece for piece in self._take(text) if piece]

    def close(self) -> list[Piece]:
        """Say that the text has ended: what is held comes out, as a call if it is a whole one."""
        found = [piece for piece in self._end() if piece]
        self._clear()
        return found

    def release(self) -> str:
        """Give out what is held as the text that it came as: the answer broke off."""
        text = "".join((*self._blank, *self._bare, self._held))
        if self._state == "call":
            text = self._before + OPEN + self._body.text
        self._clear()
        return text

    def _clear(self) -> None:
        self._state, self._held = "start", ""
        self._blank.clear()
        self._bare.clear()

    def _take(self, text: str) -> Iterator[Piece]:
        for at in range(0, len(text), _SLICE):
            yield from self._take_slice(text[at : at + _SLICE])

    def _take_slice(self, text: str) -> Iterator[Piece]:
        rest: str | None = text
        while rest is not None:
            if self._state == "start":
                rest = self._begin(rest)
            elif self._state == "bare":
                self._bare.append(rest)
                rest = None
            elif self._state == "call":
                rest = yield from self._in_call(rest)
            else:
                rest = yield from self._in_text(rest)

    def _end(self) -> Iterator[Piece]:
        if self._state == "bare":
            text = "".join(self._bare)
            self._bare.clear()
            calls = self._calls(_unfenced(text), must_close=True)
            if calls is not None:
                yield from calls
                return
            self._state = "text"
            yield from self._take(text)
        if self._state == "start":
            self._state = "text"
            held, self._held = self._held, ""
            yield from self._take(held)
        while self._state == "call":
            body = self._body.text
            if self._body.first_close is None:
                yield from self._ended(body, closed=False)
                break
            # A quote that never ended hid the tag's end: from now on the first one counts.
            at = self._body.first_close
            self._naive = True
            yield from self._ended(body[:at], closed=True)
            yield from self._take(body[at + len(CLOSE) :])
        yield "".join((*self._blank, self._held))

    # -- states: each takes text and returns what the next one has to take, None for nothing

    def _begin(self, text: str) -> str | None:
        """At the beginning: is all of it a call that lacks its tags?"""
        text = self._held + text
        self._held = ""
        found = _BARE.match(text)
        if found is not None and found[1] in self._names:
            self._state = "bare"
            return text
        if len(text) < _BARE_CHARS and (not text.strip() or _BARE_AHEAD.match(text)):
            self._held = text
            return None
        self._state = "text"
        return text

    def _in_text(self, text: str) -> Taking:
        text = self._held + text
        self._held = ""
        if self._behind_call:
            text = text.lstrip()
            self._behind_call = not text
        if not text:
            return None
        if text.isspace():
            self._blank.append(text)
            return None
        text = "".join(self._blank) + text
        self._blank.clear()
        at = text.find(OPEN)
        while at >= 0:
            behind = at + len(OPEN)
            if _JSON_AHEAD.match(text, behind):
                words = text[:at].rstrip()
                yield words
                self._before = text[len(words) : at]
                self._state = "call"
                self._body = _Body(naive=self._naive)
                return text[behind:]
            if len(text) - behind < _LOOK_AHEAD and _MAYBE_JSON.match(text, behind):
                break
            at = text.find(OPEN, behind)
        sure = at if at >= 0 else len(text) - half_tag(text, OPEN)
        words = text[:sure].rstrip()
        yield words
        self._blank.append(text[len(words) : sure])
        self._held = text[sure:]
        return None

    def _in_call(self, text: str) -> Taking:
        rest = self._body.feed(text)
        if rest is not None:
            yield from self._ended(self._body.text, closed=True)
            return rest
        if self._body.size > MAX_CALL_CHARS:
            self.doubts.append("what began like a tool call never ended: it is left as text")
            self._state = "text"
            yield self._before + OPEN + self._body.text
        return None

    def _ended(self, body: str, *, closed: bool) -> Iterator[Piece]:
        """Read what stood between the tags; without the second one it must be sound."""
        self._state = "text"
        calls = self._calls(_unfenced(body), must_close=not closed)
        if calls is not None:
            self._behind_call = True
            yield from calls
            return
        self.doubts.append(
            "what looks like a tool call is left as text: it is no JSON that names one of the tools"
        )
        yield self._before + OPEN + body + (CLOSE if closed else "")

    def _calls(self, text: str, *, must_close: bool) -> list[Call] | None:
        """Read calls; None when it is none, or one of a tool that there is not."""
        mended = not is_json(text)
        if mended and must_close:
            return None
        try:
            sound = find_json(text) if mended else text
            value = msgspec.json.decode(sound, type=Raw)
            each = _elements.decode(value) if bytes(value)[:1] == b"[" else [value]
            found = [self._call(_members.decode(one), mended) for one in each]
        except (ValueError, RecursionError):
            return None
        calls = [call for call in found if call is not None]
        return calls if calls and len(calls) == len(found) else None

    def _call(self, members: dict[str, Raw], mended: bool) -> Call | None:
        name = _text(members.get("name"))
        if name not in self._names:
            return None
        given = next((members[key] for key in _ARGUMENTS if key in members), None)
        arguments = "{}" if given is None else bytes(given).decode()
        if (inner := _text(given)) is not None:  # JSON within a string
            try:
                arguments = repair_json(inner) if inner.strip() else "{}"
            except ValueError:
                return None
            mended = mended or arguments != inner
        return Call(name, "{}" if arguments == "null" else arguments, mended)


class _Body:
    """What stands behind an opening tag, until the closing one, which no string hides.

    `first_close` is where a closing tag stood within a string.
    """

    def __init__(self, *, naive: bool = False) -> None:
        self.size = 0
        self.first_close: int | None = None
        self._naive = naive
        self._pieces: list[str] = []
        self._carried = ""
        self._in_string = False

    @property
    def text(self) -> str:
        return "".join(self._pieces) + self._carried

    def feed(self, text: str) -> str | None:
        """Take more; return what stands behind the closing tag, once it has come."""
        text = self._carried + text
        at = 0
        for found in _IN_CALL.finditer(text):
            at = found.end()
            if found[0] == '"':
                self._in_string = not self._in_string
            elif found[0] == CLOSE:
                if self._naive or not self._in_string:
                    self._pieces.append(text[: found.start()])
                    self._carried = ""
                    return text[found.end() :]
                if self.first_close is None:
                    self.first_close = self.size + found.start()
        left = text[at:]
        keep = 1 if left.endswith("\\") else half_tag(left, CLOSE)
        sure = len(text) - keep
        self._pieces.append(text[:sure])
        self._carried = text[sure:]
        self.size += sure
        return None


def _text(raw: Raw | None) -> Any:
    """Decode a member that is a text; None for any other."""
    if raw is None or bytes(raw)[:1] != b'"':
        return None
    return msgspec.json.decode(raw)


def _unfenced(text: str) -> str:
    """Take a code fence off that stands around all of a text."""
    text = text.strip()
    if not text.startswith("```"):
        return text
    return text[3:].lstrip(_LETTERS).removesuffix("```").strip()
