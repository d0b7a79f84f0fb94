"""Read JSON of a stranger: bounded, and nothing is an exception but what is no JSON at all.

Every reader answers with the value where it is of the kind that is looked for and within bounds,
and with nothing (None, or empty) where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import msgspec

from dragoman.errors import ProtocolError

MAX_BYTES = 8 * 2**20
MAX_MODELS = 10_000

_MAX_ID = 256
_MAX_TOKENS = 10**9

Json: TypeAlias = Mapping[str, Any]

_DECODER = msgspec.json.Decoder(float_hook=Decimal)  # prices as they are written
_BROKEN = (msgspec.DecodeError, RecursionError, InvalidOperation, UnicodeDecodeError)
_open_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_open_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decode(body: bytes) -> Any:
    _check_size(body)
    try:
        return _DECODER.decode(body)
    except _BROKEN:
        raise _not_json() from None


def entries(body: bytes) -> list[Json]:
    """Find the list: under `data` or `models`, or the whole answer.

    Entries are opened one by one, the first MAX_MODELS of them, so that a list of a million costs
    no more than its bytes. What is no object, or holds a number that no number can be, is left out.
    """
    _check_size(body)
    try:
        if body.lstrip()[:1] == b"[":
            told = _open_list(body)
        else:
            table = _open_object(body)
            found = next((table[key] for key in ("data", "models") if key in table), None)
            if found is None or bytes(found)[:1] != b"[":
                raise _no_list()
            told = _open_list(found)
    except msgspec.ValidationError:
        raise _no_list() from None
    except _BROKEN:
        raise _not_json() from None
    return [entry for raw in told[:MAX_MODELS] if (entry := _entry(raw)) is not None]


def _entry(raw: msgspec.Raw) -> Json | None:
    try:
        entry = _DECODER.decode(raw)
    except _BROKEN:
        return None
    return entry if isinstance(entry, Mapping) else None


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BYTES:
        raise ProtocolError(f"the answer about models is larger than {MAX_BYTES // 2**20} MiB")


def _not_json() -> ProtocolError:
    return ProtocolError("the answer about models is not JSON", hint="is this the API's base URL?")


def _no_list() -> ProtocolError:
    return ProtocolError("the answer is no list of models", hint="is this the API's base URL?")


def as_object(told: Any) -> Json:
    if not isinstance(told, Mapping):
        raise ProtocolError("the answer about the model is no object")
    return told


def as_table(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def model_id(entry: Json) -> str:
    return as_text(entry.get("id") or entry.get("model") or entry.get("name"))


def as_text(value: Any, longest: int = _MAX_ID) -> str:
    """A short printable text, or nothing."""
    if not isinstance(value, str) or len(value) > longest:
        return ""
    return value if value.isprintable() or longest > _MAX_ID else ""


def as_texts(value: Any) -> list[str]:
    return (
        [text for item in value[:64] if (text := as_text(item))] if isinstance(value, list) else []
    )


def as_flag(table: Json, name: str) -> bool | None:
    value = table.get(name)
    return value if isinstance(value, bool) else None


def as_count(table: Json, *names: str) -> int | None:
    """The first of these that is a sensible number of tokens."""
    return next((n for name in names if (n := as_number(table.get(name))) is not None), None)


def as_number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= _MAX_TOKENS:
        value = int(value) if value == int(value) else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _MAX_TOKENS else None
