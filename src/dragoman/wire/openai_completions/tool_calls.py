"""Tool calls out of deltas, with every way in which servers number and name them.

Law: a call is found by `index`. A new id on a used index begins a new call, unless the delta has
no name: a call can't begin without one. Without an index it is found by id, and a delta that has
neither belongs to the last call unless it names a function.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.event import Event
from dragoman.types.message import Unknown
from dragoman.wire.ids import hashed_id
from dragoman.wire.json_text import decode, encode_text
from dragoman.wire.openai_completions.schema import NAME
from dragoman.wire.parts import OpenCall, OpenParts, own_meta

_OWN_FIELDS = frozenset({"index", "id", "type", "function", "custom", "name", "arguments"})


class _Slot:
    """One call as the server numbers it; `call` once its name is known."""

    __slots__ = ("call", "custom", "early", "fields", "id", "name", "number")

    def __init__(self, number: int, call_id: str) -> None:
        self.number = number
        self.id = call_id
        self.name = ""
        self.early: list[str] = []  # arguments that came before the name
        self.call: OpenCall | None = None
        self.custom = False
        self.fields: dict[str, Any] = {}

    @property
    def pieces(self) -> list[str]:
        return self.call.pieces if self.call is not None else self.early

    @property
    def is_whole(self) -> bool:
        """Whether it came in one piece, with arguments that are a JSON object."""
        if len(self.pieces) != 1:
            return False
        try:
            return isinstance(decode(self.pieces[0].encode("utf-8", "replace")), dict)
        except ValueError:
            return False


class ToolCalls:
    """The calls of one answer. `seed` makes the ids of calls that come without one."""

    __slots__ = ("_by_id", "_by_index", "_parts", "_slots", "seed")

    def __init__(self, parts: OpenParts) -> None:
        self._parts = parts
        self._slots: list[_Slot] = []
        self._by_index: dict[int, _Slot] = {}
        self._by_id: dict[tuple[int | None, str], _Slot] = {}
        self.seed = ""

    def __bool__(self) -> bool:
        return bool(self._slots)

    def feed(self, deltas: Any, events: list[Event]) -> None:
        """Take the `tool_calls` of a delta."""
        for delta in deltas if isinstance(deltas, list) else [deltas]:
            if isinstance(delta, dict):
                self._take(delta, events)

    def feed_legacy(self, delta: Any, events: list[Event]) -> None:
        """Take a `function_call`, as it was before there were several."""
        if isinstance(delta, dict) and (delta.get("name") or delta.get("arguments")):
            self._take({"index": -1, "function": delta}, events)

    def close(self, events: list[Event]) -> None:
        """Open the calls whose name never came, and give each its fields."""
        for slot in self._slots:
            if slot.custom:
                raw = {
                    "id": slot.id,
                    "type": "custom",
                    "custom": {"name": slot.name, "input": "".join(slot.early)},
                }
                self._parts.whole(Unknown(NAME, encode_text(raw | slot.fields)), events)
                continue
            call = slot.call or self._open(slot, events)
            call.meta = own_meta(NAME, slot.fields)

    def _take(self, delta: dict[str, Any], events: list[Event]) -> None:
        custom: Any = delta.get("custom")
        body: Any = custom if isinstance(custom, dict) else delta.get("function")
        if not isinstance(body, dict):
            body = {"name": delta.get("name"), "arguments": delta.get("arguments")}
        name = body.get("name") if isinstance(body.get("name"), str) else ""
        text = _arguments(body.get("input") if body is custom else body.get("arguments"))
        call_id = delta.get("id") if isinstance(delta.get("id"), str) else ""
        slot = self._find(_index(delta.get("index")), call_id or "", name or "", text)
        slot.custom = slot.custom or body is custom
        for key, value in delta.items():
            if key not in _OWN_FIELDS and value is not None:
                slot.fields[key] = value
        slot.name = slot.name or name or ""
        if slot.call is None:
            if text:
                slot.early.append(text)
            if slot.name and not slot.custom:
                self._open(slot, events)
        elif text:
            self._parts.add_arguments(slot.call, text, events)

    def _find(self, index: int | None, call_id: str, name: str, text: str) -> _Slot:
        if index is not None:
            slot = self._by_id.get((index, call_id)) or self._by_index.get(index)
            if slot and slot.id != call_id and self._begins_another(slot, call_id, name, text):
                slot = None
        elif call_id:
            slot = self._by_id.get((None, call_id))
        else:
            slot = self._slots[-1] if self._slots and not name else None
        if slot is None:
            slot = _Slot(len(self._slots), call_id)
            self._slots.append(slot)
        slot.id = slot.id or call_id
        if index is not None:
            self._by_index[index] = slot
        if call_id:
            self._by_id[(index, call_id)] = self._by_id[(None, call_id)] = slot
        return slot

    @staticmethod
    def _begins_another(slot: _Slot, call_id: str, name: str, text: str) -> bool:
        if call_id and slot.id:
            return bool(name)
        # Neither has an id: a second whole call under the number of the first.
        return bool(name and text.startswith("{") and not call_id and slot.is_whole)

    def _open(self, slot: _Slot, events: list[Event]) -> OpenCall:
        slot.id = slot.id or hashed_id(f"{self.seed}/{slot.number}")
        slot.call = self._parts.open_call(slot.id, slot.name, events)
        if text := "".join(slot.early):
            self._parts.add_arguments(slot.call, text, events)
        return slot.call


def _index(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return None


def _arguments(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else encode_text(value)
