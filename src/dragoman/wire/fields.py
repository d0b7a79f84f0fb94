"""Exact reading of a client's JSON: every complaint names the field.

A path is what people would write: `messages[2].content[0].text`.
"""

from __future__ import annotations

from typing import Any, NoReturn

from dragoman.errors import InvalidRequest

_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    tuple: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def refuse(path: str, message: str) -> NoReturn:
    """Raise InvalidRequest about a field."""
    raise InvalidRequest(f"{path}: {message}", param=path)


def expect(value: Any, path: str, kind: str) -> NoReturn:
    """Raise InvalidRequest: a value has the wrong type, or is not there."""
    if value is None:
        refuse(path, "is missing")
    refuse(path, f"expected {kind}, got {_NAMES.get(type(value), type(value).__name__)}")


def read_text(value: Any, path: str) -> str:
    """Read a string."""
    if not isinstance(value, str):
        expect(value, path, "a string")
    return value


def read_object(value: Any, path: str) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        expect(value, path, "an object")
    return value


def read_list(value: Any, path: str) -> list[Any]:
    """Read a list."""
    if not isinstance(value, list | tuple):
        expect(value, path, "a list")
    return list(value)


def read_bool(value: Any, path: str) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        expect(value, path, "a boolean")
    return value


def read_number(value: Any, path: str) -> int | float:
    """Read a number, kept as it was written: 1 stays an integer."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        expect(value, path, "a number")
    return value


def read_int(value: Any, path: str) -> int:
    """Read a whole number; 1.0 is one."""
    number = read_number(value, path)
    if isinstance(number, float):
        if not number.is_integer():
            refuse(path, "expected a whole number")
        return int(number)
    return number


def read_count(value: Any, path: str) -> int:
    """Read a whole number of at least 1."""
    number = read_int(value, path)
    if number < 1:
        refuse(path, "must be at least 1")
    return number
