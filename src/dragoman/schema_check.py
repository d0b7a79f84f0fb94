"""Whether a value is what a JSON Schema asks for: the vocabulary of draft 2020-12 that models meet.

Formats, and words that we do not know, ask for nothing, as the standard has it.
Source: https://json-schema.org/draft/2020-12/json-schema-validation (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

DEEPEST = 200
"""Schemas that refer to themselves without end, and values to match, stop here."""

Problems: TypeAlias = Iterator[str]


def find_problem(value: Any, schema: Any) -> str | None:
    """Say where and why a value is not what the schema asks for; None when it is.

    The sentence begins with the place: `people[0].age is 'old', which is no integer`.
    """
    return next(_Checker(schema).check(value, schema, "", 0), None)


class _Checker:
    """Knows the whole schema, for its references."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def check(self, value: Any, schema: Any, place: str, depth: int) -> Problems:
        """Yield what is wrong with a value."""
        if schema is False:
            yield f"{_named(place)} must not be there"
        if not isinstance(schema, Mapping):
            return
        if depth > DEEPEST:
            yield f"{_named(place)} is nested too deeply"
            return
        if isinstance(ref := schema.get("$ref"), str):
            target = self._resolve(ref)
            if target is None:
                yield f"the schema refers to {ref!r}, which it does not have"
                return
            yield from self.check(value, target, place, depth + 1)
        yield from _check_type(value, schema, place)
        yield from _check_choice(value, schema, place)
        yield from self._check_combined(value, schema, place, depth)
        if isinstance(value, Mapping):
            yield from self._check_object(value, schema, place, depth)
        elif isinstance(value, list):
            yield from self._check_array(value, schema, place, depth)
        elif isinstance(value, str):
            yield from _check_text(value, schema, place)
        elif _is_number(value):
            yield from _check_number(value, schema, place)

    def _resolve(self, ref: str) -> Any:
        """Find what a reference within the schema means; None when it is not there."""
        if not ref.startswith("#"):
            return None
        found = self._root
        for step in ref[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return found

    def _fits(self, value: Any, schema: Any, place: str, depth: int) -> bool:
        return next(self.check(value, schema, place, depth), None) is None

    def _check_combined(
        self, value: Any, schema: Mapping[str, Any], place: str, depth: int
    ) -> Problems:
        for one in _schemas(schema, "allOf"):
            yield from self.check(value, one, place, depth + 1)
        several = _schemas(schema, "anyOf")
        if several and not any(self._fits(value, one, place, depth + 1) for one in several):
            yield f"{_shown(place, value)}, which is none of what is allowed there"
        if several := _schemas(schema, "oneOf"):
            count = sum(self._fits(value, one, place, depth + 1) for one in several)
            if count != 1:
                none = "none" if count == 0 else "more than one"
                yield f"{_shown(place, value)}, which is {none} of what is allowed there"
        if "not" in schema and self._fits(value, schema["not"], place, depth + 1):
            yield f"{_shown(place, value)}, which is not allowed there"
        if "if" in schema:
            branch = "then" if self._fits(value, schema["if"], place, depth + 1) else "else"
            yield from self.check(value, schema.get(branch, True), place, depth + 1)

    def _check_object(
        self, value: Mapping[str, Any], schema: Mapping[str, Any], place: str, depth: int
    ) -> Problems:
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{_join(place, name)} is missing"
        for name, others in schema.get("dependentRequired", {}).items():
            if name in value:
                missing = [other for other in others if other not in value]
                yield from (f"{_join(place, other)} is missing" for other in missing)
        yield from _check_size(len(value), schema, "Properties", place, "properties")
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for name, inner in value.items():
            where = _join(place, name)
            if "propertyNames" in schema and not self._fits(
                name, schema["propertyNames"], where, depth + 1
            ):
                yield f"{where} has a name that is not allowed"
            asked = [known[name]] if name in known else []
            asked += [one for pattern, one in patterns.items() if _matches(pattern, name)]
            for one in asked or [schema.get("additionalProperties", True)]:
                yield from self.check(inner, one, where, depth + 1)

    def _check_array(
        self, value: list[Any], schema: Mapping[str, Any], place: str, depth: int
    ) -> Problems:
        yield from _check_size(len(value), schema, "Items", place, "items")
        first = schema.get("prefixItems", ())
        for number, inner in enumerate(value):
            one = first[number] if number < len(first) else schema.get("items", True)
            yield from self.check(inner, one, f"{place}[{number}]", depth + 1)
        if schema.get("uniqueItems") is True and not _are_different(value):
            yield f"{_named(place)} holds something twice"
        if "contains" in schema and not any(
            self._fits(inner, schema["contains"], place, depth + 1) for inner in value
        ):
            yield f"{_named(place)} lacks an item that it must contain"


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and value == int(value),
}


def _check_type(value: Any, schema: Mapping[str, Any], place: str) -> Problems:
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(names, list) and not any(
        name not in _TYPES or _TYPES[name](value) for name in names
    ):
        yield f"{_shown(place, value)}, which is no {' or '.join(names)}"


def _check_choice(value: Any, schema: Mapping[str, Any], place: str) -> Problems:
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{_shown(place, value)}, and must be {schema['const']!r}"
    allowed = schema.get("enum")
    if isinstance(allowed, list) and not any(_same(value, one) for one in allowed):
        yield f"{_shown(place, value)}, which is none of {', '.join(map(repr, allowed))}"


def _check_text(value: str, schema: Mapping[str, Any], place: str) -> Problems:
    yield from _check_size(len(value), schema, "Length", place, "characters")
    if isinstance(pattern := schema.get("pattern"), str) and not _matches(pattern, value):
        yield f"{_shown(place, value)}, which does not match {pattern!r}"


def _check_number(value: float, schema: Mapping[str, Any], place: str) -> Problems:
    limits: Sequence[tuple[str, str, Callable[[Any], bool]]] = (
        ("minimum", "at least", lambda limit: value >= limit),
        ("maximum", "at most", lambda limit: value <= limit),
        ("exclusiveMinimum", "more than", lambda limit: value > limit),
        ("exclusiveMaximum", "less than", lambda limit: value < limit),
        ("multipleOf", "a multiple of", lambda step: step == 0 or _is_multiple(value, step)),
    )
    for word, meaning, holds in limits:
        limit = schema.get(word)
        if _is_number(limit) and not holds(limit):
            yield f"{_shown(place, value)}, and must be {meaning} {limit}"


def _check_size(size: int, schema: Mapping[str, Any], noun: str, place: str, what: str) -> Problems:
    least, most = schema.get(f"min{noun}"), schema.get(f"max{noun}")
    if isinstance(least, int) and size < least:
        yield f"{_named(place)} has {size} {what}, and must have at least {least}"
    if isinstance(most, int) and size > most:
        yield f"{_named(place)} has {size} {what}, and must have at most {most}"


def _schemas(schema: Mapping[str, Any], word: str) -> list[Any]:
    found = schema.get(word)
    return found if isinstance(found, list) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_multiple(value: float, step: float) -> bool:
    # 0.3 / 0.1 is a little less than 3: what counts is the number as it is written.
    from decimal import Decimal

    return Decimal(str(value)) % Decimal(str(step)) == 0


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, and 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _are_different(values: list[Any]) -> bool:
    try:
        ordered = sorted(values)
    except TypeError:
        pairs = ((a, b) for i, a in enumerate(values) for b in values[i + 1 :])
        return not any(_same(a, b) for a, b in pairs)
    return not any(_same(a, b) for a, b in pairwise(ordered))


def _matches(pattern: str, text: str) -> bool:
    """Search as ECMAScript would; what Python cannot read asks for nothing."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _named(place: str) -> str:
    return place or "the answer"


def _shown(place: str, value: Any) -> str:
    text = repr(value)
    return f"{_named(place)} is {text if len(text) <= 60 else text[:59] + '…'}"
