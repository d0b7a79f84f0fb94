"""Reads answers by JSON paths: what stands where, whole or in a frame of a stream.

Law: an answer is somebody else's. What stands in a place and is of another kind than belongs there
is a `ProtocolError` that names the path; what is not there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from dragoman.adapters.answer import Answer
from dragoman.adapters.described.json_path import Path
from dragoman.errors import ProtocolError
from dragoman.wire.error_body import bounded
from dragoman.wire.json_text import encode

State = dict[str, Any]
"""What is remembered from one frame of a stream to the next."""


class Calls(Struct, frozen=True, kw_only=True):
    """Where tool calls stand: `each` from the answer's root, the others inside each of them.

    `key` tells which call a piece belongs to; without it, its id does, else it is the last one's.
    """

    each: Path
    key: Path | None = None
    id: Path | None = None
    name: Path | None = None
    arguments: Path | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """Where everything stands."""

    text: Path | None = None
    reasoning: Path | None = None
    refusal: Path | None = None
    calls: Calls | None = None
    usage: Mapping[str, Path] = MappingProxyType({})
    finish: Path | None = None
    words: Mapping[str, str] = MappingProxyType({})
    id: Path | None = None
    model: Path | None = None
    error: Path | None = None
    end: Path | bool = False
    cumulative: bool = False

    def read(self, value: Any, out: Answer, state: State, *, streamed: bool = False) -> bool:
        """Read one answer or frame into `out`. Returns: whether anything was found in it."""
        name, model = _word(self.id, value), _word(self.model, value)
        if name or model:
            out.start(id=name, model=model)
        told = [
            self._tell(self.reasoning, value, state, out.reasoning),
            self._tell(self.text, value, state, out.text),
            self._tell(self.refusal, value, state, out.refusal),
            self._read_calls(value, out, state, streamed=streamed),
            self._read_usage(value, out, state),
            self._read_end(value, out),
        ]
        return any(told)

    def _tell(
        self, path: Path | None, value: Any, state: State, say: Callable[[str], None]
    ) -> bool:
        """Tell text that stands in one place, or in several; of cumulative text what is new."""
        if path is None:
            return False
        found = [one for one in path.find(value) if one is not None]
        text = "".join(_expect_text(one, path, value) for one in found)
        if self.cumulative and found:
            before = state.get(path.text, "")
            if not text.startswith(before):
                raise _nonsense("takes back text that it had sent", path, value)
            state[path.text] = text
            text = text[len(before) :]
        say(text)
        return bool(found)

    def _read_calls(self, value: Any, out: Answer, state: State, *, streamed: bool) -> bool:
        calls = self.calls
        if calls is None:
            return False
        entries = calls.each.find(value)
        for entry in entries:
            call_id, name = _word(calls.id, entry), _word(calls.name, entry)
            arguments = _first(calls.arguments, entry)
            if arguments is not None and not isinstance(arguments, str | dict):
                raise _nonsense("has arguments that are neither text nor an object at",
                                calls.arguments, value)  # fmt: skip
            key = self._key(calls, entry, call_id, name, state) if streamed else None
            out.tool_call(key, id=call_id, name=name, arguments=arguments)
        return bool(entries)

    def _key(
        self, calls: Calls, entry: Any, call_id: str | None, name: str | None, state: State
    ) -> str:
        """Tell the call that a piece belongs to."""
        key = _word(calls.key, entry) or call_id
        if key is None and (name or "call" not in state):
            state["unnamed"] = state.get("unnamed", 0) + 1
            key = f"#{state['unnamed']}"
        if key is not None:
            state["call"] = key
        return str(state["call"])

    def _read_usage(self, value: Any, out: Answer, state: State) -> bool:
        counts = {name: path.first(value) for name, path in self.usage.items()}
        counts = {name: count for name, count in counts.items() if count is not None}
        if counts:
            said = state.setdefault("usage", {})
            said.update(counts)
            out.usage(**said)
        return bool(counts)

    def _read_end(self, value: Any, out: Answer) -> bool:
        word = _word(self.finish, value)
        if word:
            out.finish(self.words.get(word, word), raw=word)
        ended = self.end if isinstance(self.end, bool) else bool(self.end.first(value))
        if ended and not out.ending:
            out.finish()
        return bool(word) or ended


def _first(path: Path | None, value: Any) -> Any:
    return None if path is None else path.first(value)


def _word(path: Path | None, value: Any) -> str | None:
    """Find a name, an id or a number of one; None where there is none."""
    if path is None:
        return None
    found = path.first(value)
    if found is None or found is False:
        return None
    if isinstance(found, str | int | float):
        return str(found)[:1000]
    raise _nonsense("has no word at", path, value)


def _expect_text(found: Any, path: Path, value: Any) -> str:
    if isinstance(found, str):
        return found
    raise _nonsense("has no text at", path, value)


def _nonsense(what: str, path: Path | None, value: Any) -> ProtocolError:
    return ProtocolError(f"the upstream's answer {what} {path}", raw=bounded(encode(value)))


def nothing_found(reading: Reading, value: Any) -> ProtocolError:
    """Make the error for an answer in which nothing stands where it should."""
    paths = (reading.text, reading.calls and reading.calls.each, reading.finish)
    places = ", ".join(str(path) for path in paths if path is not None)
    return ProtocolError(
        f"the upstream's answer has nothing at {places}",
        raw=bounded(encode(value)),
        hint="either it speaks another language, or the description has other paths",
    )
