"""What a schema asks for is checked as the standard's own implementation does."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.schema_check import find_problem

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}

SENTENCES = [
    ({"name": "Ada", "age": "old"}, PERSON, "age is 'old', which is no integer"),
    ({"name": "Ada"}, PERSON, "age is missing"),
    ({"name": "Ada", "age": 3, "x": 1}, PERSON, "x must not be there"),
    ([{"age": -1, "name": "a"}], {"items": PERSON}, "[0].age is -1, and must be at least 0"),
    (["a"], {"type": "object"}, "the answer is ['a'], which is no object"),
    ("red", {"enum": ["blue", 1]}, "the answer is 'red', which is none of 'blue', 1"),
    ({"a": {"b": []}}, {"properties": {"a": {"properties": {"b": {"minItems": 2}}}}},
     "a.b has 0 items, and must have at least 2"),
    (1, {"$ref": "#/$defs/gone"}, "the schema refers to '#/$defs/gone', which it does not have"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "schema", "sentence"), SENTENCES)
def test_problem_is_told_with_its_place(value: Any, schema: Any, sentence: str) -> None:
    assert find_problem(value, schema) == sentence


def test_schema_that_is_its_own_part_ends() -> None:
    tree = {"properties": {"child": {"$ref": "#"}}, "required": ["name"]}
    assert find_problem({"name": 1, "child": {"name": 2}}, tree) is None
    assert find_problem({"name": 1, "child": {}}, tree) == "child.name is missing"
    endless = {"$ref": "#"}
    assert find_problem(1, endless) == "the answer is nested too deeply"


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.5])
texts = st.sampled_from(["", "a", "ab", "abc", "A1"])
names = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
types = st.sampled_from(["object", "array", "string", "boolean", "null", "number", "integer"])
small = st.integers(0, 3)


def optional(**words: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=words)


def schemas_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=2)
    return optional(
        type=types | st.lists(types, min_size=1, max_size=2, unique=True),
        enum=st.lists(values, min_size=1, max_size=3),
        const=values,
        properties=st.dictionaries(names, inner, max_size=2),
        patternProperties=st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
        additionalProperties=inner,
        required=st.lists(names, max_size=2, unique=True),
        dependentRequired=st.dictionaries(
            names, st.lists(names, max_size=1, unique=True), max_size=1
        ),
        propertyNames=optional(maxLength=small, pattern=st.just("a")),
        items=inner,
        prefixItems=several,
        contains=inner,
        uniqueItems=st.booleans(),
        minItems=small,
        maxItems=small,
        minProperties=small,
        maxProperties=small,
        minLength=small,
        maxLength=small,
        pattern=st.sampled_from(["a", "^b", "[0-9]"]),
        minimum=small,
        maximum=small,
        exclusiveMinimum=small,
        exclusiveMaximum=small,
        multipleOf=st.sampled_from([1, 2, 0.5]),
        allOf=several,
        anyOf=several,
        oneOf=several,
    )


schemas = st.recursive(st.booleans() | schemas_of(st.booleans()), schemas_of, max_leaves=4)


@given(values, schemas)
def test_verdicts_are_those_of_the_reference(value: Any, schema: Any) -> None:
    admitted = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (find_problem(value, schema) is None) is admitted


@given(values, schemas, schemas, schemas)
def test_conditions_are_those_of_the_reference(value: Any, one: Any, two: Any, three: Any) -> None:
    schema = {"if": one, "then": two, "else": three, "not": {"const": 2}}
    admitted = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (find_problem(value, schema) is None) is admitted
