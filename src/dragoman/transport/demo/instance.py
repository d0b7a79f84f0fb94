"""An instance of a JSON schema: the smallest plain value that it admits, always the same.

Covers what programs generate (objects, arrays, enums, references, unions, limits, formats). What
it cannot honour it refuses, rather than to answer with something that the schema does not admit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

DEEPEST = 5
"""Where optional properties and array items end, so that a schema that contains itself does."""

_REFUSED = frozenset({
    "not", "if", "contains", "dependentSchemas", "dependentRequired", "propertyNames",
    "patternProperties", "unevaluatedProperties", "unevaluatedItems", "minProperties",
    "maxProperties", "$dynamicRef",
})  # fmt: skip

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "demo@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

_SAMPLES = (
    *_FORMATS.values(), "a", "A", "1", "ab", "AB", "12", "abc", "ABC", "Abc", "123", "abcd", "ABCD",
    "1234", "12345", "a1", "A1", "AB12", "ABC-123", "abc-123", "abc_def", "1.0", "1.0.0", "#00ff00",
    "+12025550100", "202-555-0100", "12345-6789", "12:00", "Demo Example", "en-US", "$1.00", "",
)  # fmt: skip
"""What is tried on a pattern, in this order."""


class CannotInvent(Exception):
    """The schema asks for something that is beyond the demo."""


def invent(schema: Any) -> Any:
    """Invent a value that the schema admits. Raises: CannotInvent."""
    return _Inventor(schema).value(schema, "", 0)


class _Inventor:
    """Knows the whole schema, for its references."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def value(self, schema: Any, name: str, depth: int) -> Any:
        """Invent a value; `name` is the property's, for a string that reads well."""
        if schema is True:
            schema = {}
        if not isinstance(schema, Mapping):
            raise CannotInvent(f"the demo cannot meet the schema {schema!r}")
        if depth > 4 * DEEPEST:
            raise CannotInvent("the demo finds no end to this schema")
        schema = self.flat(schema, depth)
        if refused := _REFUSED & schema.keys():
            raise CannotInvent(f"the demo does not know the schema keyword {sorted(refused)[0]!r}")
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.choose(schema["enum"])
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return self.union(schema, union, name, depth)
        return self.make(schema, name, depth)

    def choose(self, values: Any) -> Any:
        if not isinstance(values, list) or not values:
            raise CannotInvent("the demo cannot choose from an empty enum")
        return values[0]

    def flat(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Resolve `$ref` and `allOf` into one schema."""
        flat = dict(schema)
        if "$ref" in flat:
            if depth > 4 * DEEPEST:
                raise CannotInvent("the demo finds no end to this schema")
            target = self.find(str(flat.pop("$ref")))
            flat = _merge(self.flat(target, depth + 1), flat)
        for part in flat.pop("allOf", ()):
            if part is not True:
                flat = _merge(flat, self.flat(part, depth + 1))
        return flat

    def find(self, reference: str) -> Mapping[str, Any]:
        """Follow a reference into the root. Raises: CannotInvent."""
        here = self.root
        if not reference.startswith("#"):
            raise CannotInvent(f"the demo does not follow the reference {reference!r}")
        for step in reference[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            here = here.get(key) if isinstance(here, Mapping) else None
        if not isinstance(here, Mapping):
            raise CannotInvent(f"the reference {reference!r} leads nowhere")
        return here

    def union(self, schema: dict[str, Any], union: str, name: str, depth: int) -> Any:
        """Take the first branch that can be met; far down, the one that ends soonest."""
        rest = {key: value for key, value in schema.items() if key != union}
        branches = [self.flat(branch, depth + 1) for branch in schema[union] if branch is not False]
        if depth > DEEPEST:
            branches.sort(key=lambda branch: branch.get("type") in ("object", "array", None))
        problem = CannotInvent(f"the demo finds no branch of {union} that it can meet")
        for branch in branches:
            try:
                return self.value(_merge(rest, branch), name, depth + 1)
            except CannotInvent as error:
                problem = error
        raise problem

    def make(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        """Make a value of the schema's type, guessed from its keywords where none is given."""
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = "null" if depth > DEEPEST and "null" in kind else self.choose(kind)
        if kind is None:
            kind = next((k for word, k in _HINTS.items() if word in schema), "object")
        maker = _MAKERS.get(kind)
        if maker is None:
            raise CannotInvent(f"the demo does not know the type {kind!r}")
        return maker(self, schema, name, depth)

    def object(self, schema: dict[str, Any], _: str, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        made = {}
        for name, inner in properties.items():
            if name in required:
                made[name] = self.value(inner, name, depth + 1)
            elif depth < DEEPEST and inner is not False:
                try:
                    made[name] = self.value(inner, name, depth + 1)
                except CannotInvent:
                    continue  # it is optional: an object without it is as good
        for name in required:
            if name not in made:
                made[name] = self.value(schema.get("additionalProperties", True), name, depth + 1)
        return made

    def array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        items = [self.value(s, name, depth + 1) for s in schema.get("prefixItems", ())]
        least = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(least, 1)))
        rest = schema.get("items", True)
        wanted = max(least, min(1, most) if depth < DEEPEST and rest is not True else 0)
        while len(items) < wanted:
            items.append(self.value(rest, name, depth + 1))
        if schema.get("uniqueItems") and any(a == b for a, b in pairwise(items)):
            items = self.different(rest, len(items))
        return items[:most]

    def different(self, schema: Any, count: int) -> list[Any]:
        """Invent items that differ: from an enum, or by counting on."""
        flat = self.flat(schema, 0) if isinstance(schema, Mapping) else {}
        if len(flat.get("enum", ())) >= count:
            return list(flat["enum"][:count])
        first = self.value(schema, "item", 0)
        if isinstance(first, str) and not {"pattern", "format", "maxLength"} & flat.keys():
            return [f"{first} {number}" for number in range(1, count + 1)]
        if isinstance(first, int) and not {"maximum", "exclusiveMaximum"} & flat.keys():
            return [first + number * int(flat.get("multipleOf", 1)) for number in range(count)]
        raise CannotInvent("the demo cannot invent that many different items")

    def string(self, schema: dict[str, Any], name: str, _: int) -> str:
        least = int(schema.get("minLength", 0))
        most = schema.get("maxLength")
        text = _FORMATS.get(str(schema.get("format")))
        if pattern := schema.get("pattern"):
            text = next((s for s in (text, *_SAMPLES) if s is not None and _fits(s, schema)), None)
            if text is None:
                raise CannotInvent(f"the demo invents no text for the pattern {pattern!r}")
            return text
        if text is None:
            text = (name or "demo").replace("_", " ").ljust(least, ".")[:most]
        if not _fits(text, schema):
            raise CannotInvent(f"the demo invents no {schema.get('format')} of such a length")
        return text

    def integer(self, schema: dict[str, Any], _: str, __: int) -> int:
        return int(_least(schema, (1, schema.get("multipleOf", 1))))

    def number(self, schema: dict[str, Any], _: str, __: int) -> float | int:
        return _least(schema, (schema["multipleOf"],) if "multipleOf" in schema else ())

    def boolean(self, _: dict[str, Any], __: str, ___: int) -> bool:
        return True

    def null(self, _: dict[str, Any], __: str, ___: int) -> None:
        return None


_MAKERS: Mapping[str, Callable[[_Inventor, dict[str, Any], str, int], Any]] = {
    "object": _Inventor.object,
    "array": _Inventor.array,
    "string": _Inventor.string,
    "integer": _Inventor.integer,
    "number": _Inventor.number,
    "boolean": _Inventor.boolean,
    "null": _Inventor.null,
}

_HINTS = {
    "properties": "object",
    "items": "array",
    "prefixItems": "array",
    "pattern": "string",
    "format": "string",
    "minLength": "string",
    "maxLength": "string",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "multipleOf": "number",
}


def _merge(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Join two schemas that both hold: properties and requirements of both, the stricter limit."""
    merged = {**one, **other}
    for key in one.keys() & other.keys():
        mine, theirs = one[key], other[key]
        if key == "properties":
            merged[key] = {**mine, **theirs}
        elif key == "required":
            merged[key] = [*mine, *(name for name in theirs if name not in mine)]
        elif key in ("minimum", "exclusiveMinimum", "minLength", "minItems"):
            merged[key] = max(mine, theirs)
        elif key in ("maximum", "exclusiveMaximum", "maxLength", "maxItems"):
            merged[key] = min(mine, theirs)
        elif key == "enum":
            merged[key] = [value for value in mine if value in theirs]
    return merged


def _fits(text: str, schema: Mapping[str, Any]) -> bool:
    if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
        return False
    try:
        return re.search(str(schema.get("pattern", "")), text) is not None
    except re.error:
        raise CannotInvent(f"the demo cannot read the pattern {schema['pattern']!r}") from None


def _least(schema: Mapping[str, Any], steps: tuple[float, ...]) -> float | int:
    """Find a number within the limits that is a multiple of every step: 1, 0, or near a limit."""
    low = schema.get("minimum", -math.inf)
    over = schema.get("exclusiveMinimum", -math.inf)
    high = schema.get("maximum", math.inf)
    under = schema.get("exclusiveMaximum", math.inf)
    bottom, top, unit = max(low, over), min(high, under), max(steps, default=1)
    candidates: list[float | int] = [1, 0, unit, bottom, top, (bottom + top) / 2]
    if math.isfinite(bottom):
        candidates += [math.ceil(bottom / unit) * unit, (math.floor(bottom / unit) + 1) * unit]
    if math.isfinite(top):
        candidates += [math.floor(top / unit) * unit, (math.ceil(top / unit) - 1) * unit]
    for number in candidates:
        inside = low <= number <= high and over < number < under and math.isfinite(number)
        if inside and all(number % step == 0 for step in steps):
            return number
    raise CannotInvent("the demo finds no number within these limits")
