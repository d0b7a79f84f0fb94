"""Answers that are data."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pydantic
import pytest

from dragoman.errors import BadRequest, ContentFiltered, DragomanError, SchemaMismatch
from dragoman.structured import Parsed, ladder, shape_of
from dragoman.types import (
    ChatRequest,
    Completion,
    JsonSchema,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    user,
)


class Person(msgspec.Struct):
    name: str
    age: int


@dataclasses.dataclass
class Pair:
    left: int
    right: int


class Model(pydantic.BaseModel):
    size: int


def say(text: str) -> Completion:
    return Completion(parts=(Text(text),), finish_reason="stop")


def play(
    kind: Any, answers: list[Completion | DragomanError]
) -> tuple[Parsed[Any] | DragomanError, list[ChatRequest]]:
    """Run the ladder against given answers; tell how it ended and what was asked."""
    asked: list[ChatRequest] = []
    steps = ladder(ChatRequest(model="a/x", messages=(user("who?"),)), shape_of(kind))
    try:
        request = next(steps)
        for answer in answers:
            asked.append(request)
            request = (
                steps.throw(answer) if isinstance(answer, DragomanError) else steps.send(answer)
            )
    except StopIteration as stop:
        return stop.value, asked
    except DragomanError as error:
        return error, asked
    raise AssertionError("more answers were wanted")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Person, '{"name": "Ada", "age": 36}', Person("Ada", 36)),
        (Pair, '{"left": 1, "right": 2}', Pair(1, 2)),
        (Model, '{"size": 3}', Model(size=3)),
        (list[int], "[1, 2]", [1, 2]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        (Person, 'Sure!\n```json\n{"name": "Ada", "age": 36}\n```', Person("Ada", 36)),
        (Person, 'Here it is: {"name": "Ada", "age": 36} Bye.', Person("Ada", 36)),
        (Person, "{'name': 'Ada', age: 36,}", Person("Ada", 36)),
    ],
)
def test_a_value_comes_back_from_the_first_rung(kind: Any, text: str, value: Any) -> None:
    parsed, asked = play(kind, [say(text)])
    assert isinstance(parsed, Parsed)
    assert (parsed.value, parsed.via) == (value, "native")
    assert parsed.repaired == ("'" in text)
    assert isinstance(asked[0].output, JsonSchema)


def test_the_schema_has_an_object_at_its_root() -> None:
    schema = shape_of(Person).schema
    assert schema["type"] == "object"
    assert "$ref" not in schema


def test_a_refused_rung_leads_to_a_forced_tool_and_then_to_the_prompt() -> None:
    refused = BadRequest("response_format is not supported")
    parsed, asked = play(Person, [refused, refused, say('{"name": "Ada", "age": 36}')])
    assert isinstance(parsed, Parsed)
    assert parsed.via == "prompt"
    assert asked[1].tool_choice == ToolChoice("tool", "Person")
    assert asked[2].output is None
    assert '"age"' in asked[2].messages[0].text


def test_a_tools_arguments_are_the_value() -> None:
    call = ToolCall("c1", "Person", '{"name": "Ada", "age": 36}')
    completion = Completion(parts=(call,), finish_reason="tool_calls")
    parsed, _ = play(Person, [BadRequest("no"), completion])
    assert isinstance(parsed, Parsed)
    assert (parsed.value, parsed.via) == (Person("Ada", 36), "tool")


def test_the_model_may_mend_what_it_said() -> None:
    parsed, asked = play(Person, [say('{"name": "Ada"}'), say('{"name": "Ada", "age": 36}')])
    assert isinstance(parsed, Parsed)
    assert parsed.via == "native"
    assert "age" in asked[1].messages[-1].text
    assert asked[1].messages[-2].text == '{"name": "Ada"}'


def test_a_model_that_keeps_failing_is_an_error_with_its_last_words() -> None:
    error, asked = play(Person, [say("no")] * 6)
    assert isinstance(error, SchemaMismatch)
    assert error.partial == say("no")
    assert len(asked) == 6


def test_a_refusal_is_never_a_value() -> None:
    refusal = Completion(parts=(Refusal("I won't."),), finish_reason="stop")
    error, _ = play(Person, [refusal] * 6)
    assert isinstance(error, SchemaMismatch)
    assert "I won't." in str(error)


def test_a_content_filter_stops_the_ladder() -> None:
    error, asked = play(Person, [ContentFiltered("no")])
    assert isinstance(error, ContentFiltered)
    assert len(asked) == 1
