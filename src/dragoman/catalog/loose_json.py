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

MAX_BYTES = 16 * 2**20
MAX_MODELS = 10_000

_MAX_ID = 256
_MAX_TOKENS = 10**9

Json: TypeAlias = Mapping[str, Any]

_DECODER = msgspec.json.Decoder(float_hook=Decimal)  # prices as they are written


def decode(body: bytes) -> Any:
    if len(body) > MAX_BYTES:
        raise ProtocolError(f"the list of models is larger than {MAX_BYTES // 2**20} MiB")
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, InvalidOperation, UnicodeDecodeError):
        raise ProtocolError(
            "the answer about models is not JSON", hint="is this the API's base URL?"
        ) from None


def entries(told: Any) -> list[Json]:
    """Find the list: under `data` or `models`, or the whole answer."""
    if isinstance(told, Mapping):
        told = next((told[key] for key in ("data", "models") if key in told), None)
    if not isinstance(told, list):
        raise ProtocolError("the answer is no list of models", hint="is this the API's base URL?")
    return [entry for entry in told[:MAX_MODELS] if isinstance(entry, Mapping)]


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
