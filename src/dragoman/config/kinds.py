"""How each kind of setting is read: what is accepted, what it becomes, what is said otherwise.

A reader never repeats the value in what it says: a key may have got into the wrong place.
Numbers and booleans may be given as strings, and a list of one as the thing itself, because
TOML, YAML and variables disagree about quoting.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from dragoman.config.fields import Field
from dragoman.config.interpolate import VARIABLE
from dragoman.types.exchange import MOST_USD

SOURCES = ("env", "file", "keyring", "cmd")
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "a string"),
    (int, "a number"),
    (float, "a number"),
    (list, "a list"),
    (Mapping, "a table"),
    (datetime.date, "a date"),
    (datetime.time, "a time"),
)
_DIGITS = 30
_KEY_PREFIXES = ("sk_", "gsk_", "hf_", "xai_", "AIza", "nvapi", "pplx", "csk_", "r8_", "ghp_")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # half a surrogate pair is no text either
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Wrong(ValueError):
    """A value is not what its setting takes; the text goes on from the setting's name."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def type_name(value: object) -> str:
    """Say what a value is, for people."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "nothing")


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Find the word that was probably meant, whatever its case and separators."""
    import difflib

    plain = {re.sub(r"[-_ .]", "", name).lower(): name for name in words}
    found = difflib.get_close_matches(re.sub(r"[-_ .]", "", word).lower(), plain, 1, 0.7)
    return plain[found[0]] if found else None


def suggestion(word: str, words: Iterable[str]) -> str | None:
    """Write `Did you mean …?`, where one can guess."""
    found = nearest(word, words)
    return f"Did you mean '{found}'?" if found else None


def _must_be(expected: str, value: object) -> Wrong:
    return Wrong(f"must be {expected}, not {type_name(value)}")


def text(value: Any, field: Field) -> str:  # noqa: ARG001
    """A string that is neither empty nor holds control characters."""
    if not isinstance(value, str):
        raise _must_be("a string", value)
    if not value.strip():
        raise Wrong("is empty")
    if _CONTROL.search(value):
        raise Wrong("has a line break or control character")
    return value


def secret(value: Any, field: Field) -> str:  # noqa: ARG001
    """A string; empty means explicitly no secret."""
    if not isinstance(value, str):
        raise _must_be("a string", value)
    kind, _, rest = value.partition(":")
    if kind in SOURCES:
        if not rest.strip():
            raise Wrong(f"is a reference with nothing after '{kind}:'")
        if kind == "env":
            check_variable(rest.strip())
    return value


def secrets(value: Any, field: Field) -> list[str]:
    """Several strings, one at least."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise _must_be("a list of strings", value)
    if not value:
        raise Wrong("is an empty list")
    return [secret(item, field) for item in value]


def scalar_map(value: Any, field: Field) -> dict[str, str]:
    """Names to strings; numbers, booleans and dates are taken as they are written."""
    if not isinstance(value, Mapping):
        raise _must_be("a table of names and strings", value)
    found: dict[str, str] = {}
    for name, item in value.items():
        if not isinstance(name, str) or not name or _CONTROL.search(name):
            raise Wrong("has a name that is not a plain string")
        if item is None:
            continue
        if isinstance(item, bool):
            item = "true" if item else "false"
        elif isinstance(item, int | float | datetime.date):
            item = str(item)
        if not isinstance(item, str):
            raise Wrong(f"has a value under '{name}' that must be a string, not {type_name(item)}")
        if field.kind == "secret_map":
            secret(item, field)
        if field.kind == "text_map" and not item:
            raise Wrong(f"has an empty value under '{name}'")
        if field.name == "headers" and not _HEADER_NAME.fullmatch(name):
            raise Wrong("has a name that no HTTP header can have")
        found[name] = item
    return found


def variables(value: Any, field: Field) -> list[str]:  # noqa: ARG001
    """Names of variables: a pasted key is noticed, and not repeated."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _must_be("the name of a variable", value)
    if not names:
        raise Wrong("is an empty list")
    for name in names:
        check_variable(name)
    return list(names)


def check_variable(name: str) -> None:
    """Raise Wrong when a variable cannot be called so, or when it looks like a key."""
    if name.startswith("$"):
        raise Wrong("is written with a '$'", "Give the variable's name alone.")
    looks_like_key = len(name) >= 20 and (
        name.startswith(_KEY_PREFIXES)
        or (len(name) >= 32 and re.search(r"[a-z]", name) and re.search(r"[0-9]", name))
    )
    if looks_like_key or not VARIABLE.fullmatch(name):
        raise Wrong(
            "is not the name of a variable",
            "It takes the name of the variable that holds the key; a key itself goes into api_key.",
        )


def url(value: Any, field: Field) -> str:
    """An absolute URL that can be called; as written, without white space around it."""
    from dragoman.types.http import parse_url

    address = text(value, field).strip()
    if not re.match(r"(?i)https?://|demo:", address):
        raise Wrong("must begin with http:// or https://")
    try:
        parse_url(address)
    except UnicodeError:
        raise Wrong("names a host that cannot be") from None
    except ValueError as error:
        said = str(error)
        known = said.startswith(("a URL ", "the URL "))
        raise Wrong(f"cannot be used: {said}" if known else "is not a URL") from None
    return address


def choice(value: Any, field: Field) -> str:
    """One of the field's words; separators and case may differ."""
    if not isinstance(value, str):
        raise _must_be("a string", value)
    plain = value.strip().lower().replace("_", "-")
    for word in field.choices:
        if word.replace("_", "-") == plain:
            return word
    raise Wrong(f"must be one of {', '.join(field.choices)}", suggestion(value, field.choices))


def flag(value: Any, field: Field) -> bool:  # noqa: ARG001
    """True or false, also as a string."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise _must_be("true or false", value)


def think_tags(value: Any, field: Field) -> bool | str:
    """True, false or "open"."""
    return "open" if value == "open" else flag(value, field)


def _float(value: Any, expected: str) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise _must_be(expected, value) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _must_be(expected, value)
    try:
        number = float(value)
    except OverflowError:
        raise Wrong("is too large") from None
    if not math.isfinite(number):
        raise Wrong("must be a finite number")
    return number


def _check_bounds(value: float, field: Field) -> None:
    if value < field.least:
        raise Wrong(f"must be at least {field.least:g}")
    if field.most is not None and value > field.most:
        raise Wrong(f"must be at most {field.most:g}")


def number(value: Any, field: Field) -> float:
    """A number, within the field's bounds."""
    found = _float(value, "a number")
    _check_bounds(found, field)
    return found


def share(value: Any, field: Field) -> float:
    """A number, or a percentage of at most 100: `30%` is 30."""
    if not isinstance(value, str):
        return number(value, field)
    found = number(value.strip().removesuffix("%"), field)
    if found > 100 and value.rstrip().endswith("%"):
        raise Wrong("must be at most 100%; a number without the sign may be any")
    return found


def hours(value: Any, field: Field) -> str:
    """A time of day: from when to when."""
    from dragoman.config.conditions import parse_hours

    found = text(value, field)
    span = parse_hours(found)
    if span is None:
        raise Wrong("must be like '08:00-18:30', in UTC")
    if span[0] == span[1]:
        raise Wrong("ends when it begins, and so never holds", "Leave it out for the whole day.")
    return found


def seconds(value: Any, field: Field) -> float:  # noqa: ARG001
    """A number of seconds, more than 0."""
    found = _float(value, "a number of seconds")
    if found <= 0:
        raise Wrong("must be more than 0 seconds")
    return found


def count(value: Any, field: Field) -> int:
    """A whole number; 131072.0 and "131_072" are whole too."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise _must_be("a whole number", value) from None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float):
        raise Wrong("must be a whole number")
    if isinstance(value, bool) or not isinstance(value, int):
        raise _must_be("a whole number", value)
    _check_bounds(value, field)
    if value > 2**53:
        raise Wrong("is too large")
    return value


def money(value: Any, field: Field) -> Decimal:  # noqa: ARG001
    """An amount in USD, exact as written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _must_be("a number", value)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise _must_be("a number", value) from None
    if not amount.is_finite() or amount < 0:
        raise Wrong("must be a number of at least 0")
    if amount > MOST_USD:
        raise Wrong(f"must be at most {MOST_USD}")
    # 0e9999999 and 1e-9999999 are numbers, too: to reckon with them takes minutes.
    if not amount:
        return Decimal(0)
    if int(amount.as_tuple().exponent) < -_DIGITS:
        raise Wrong(f"must have at most {_DIGITS} digits behind its point")
    return amount


def texts(value: Any, field: Field) -> list[str]:
    """A list of strings, from the field's choices where it has any."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise _must_be("a list of strings", value)
    found = [text(item, field) for item in items]
    for item in found:
        if field.choices and item not in field.choices:
            raise Wrong(f"may hold {', '.join(field.choices)}", suggestion(item, field.choices))
    return found


def grants(value: Any, field: Field) -> list[str]:
    """A list of addresses, with a port where one is meant, and of networks."""
    from dragoman.types.grant import parse_grant

    found = texts(value, field)
    for item in found:
        try:
            parse_grant(item)
        except ValueError as error:
            raise Wrong(f"is wrong: {error}") from None
    return found


def networks(value: Any, field: Field) -> list[str]:
    """A list of addresses and networks."""
    import ipaddress

    found = texts(value, field)
    for item in found:
        try:
            ipaddress.ip_network(item)
        except ValueError:
            raise Wrong(f"is wrong: {item!r} is no address or NETWORK/BITS") from None
    return found


def any_table(value: Any, field: Field) -> dict[str, Any]:  # noqa: ARG001
    """A table that could be JSON."""
    if not isinstance(value, Mapping):
        raise _must_be("a table", value)
    if not all(isinstance(name, str) for name in value):
        raise Wrong("has a name that is not a string")
    return {name: plain(item) for name, item in value.items()}


_ANY = Field("", "any_table", "")


def mapping(value: Any) -> Mapping[Any, Any]:
    """A table. Raises: Wrong."""
    if not isinstance(value, Mapping):
        raise _must_be("a table", value)
    return value


def plain(value: Any) -> Any:
    """Copy a value as JSON could hold it; dates become text. Raises: Wrong."""
    if isinstance(value, Mapping):
        return any_table(value, _ANY)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong("has a number that JSON cannot hold")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, str) and _SURROGATE.search(value):
        raise Wrong("has half a character in a string")
    if value is None or isinstance(value, str | int | float):
        return value
    raise Wrong("has a value that JSON cannot hold")


READERS: Mapping[str, Callable[[Any, Field], Any]] = {
    "text": text,
    "secret": secret,
    "secrets": secrets,
    "secret_map": scalar_map,
    "variables": variables,
    "url": url,
    "path": text,
    "choice": choice,
    "flag": flag,
    "count": count,
    "number": number,
    "share": share,
    "hours": hours,
    "seconds": seconds,
    "money": money,
    "texts": texts,
    "grants": grants,
    "networks": networks,
    "text_map": scalar_map,
    "think_tags": think_tags,
    "any_table": any_table,
}
"""The kinds whose values hold no settings of their own. `walk.py` reads the others."""

SECRET_KINDS = frozenset({"secret", "secrets", "secret_map"})
"""Kinds whose references are resolved only when their provider is used."""
