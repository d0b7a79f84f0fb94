"""Python functions as tools."""

from __future__ import annotations

import datetime
from typing import Any, Literal

import msgspec
import pytest

from dragoman.errors import InvalidRequest
from dragoman.tools import Invoke, ToolRun, tool_from_function, tool_loop
from dragoman.types import ChatRequest, Completion, Text, ToolCall, ToolResult, user


class Place(msgspec.Struct):
    city: str
    country: str = "fr"


def forecast(place: Place, day: datetime.date, unit: Literal["c", "f"] = "c") -> str:
    """Tell the weather.

    Args:
        place: where
        day: when
    """
    return f"{place.city} {day.isoformat()} {unit}"


def test_a_function_describes_itself() -> None:
    tool = tool_from_function(forecast)
    assert tool.name == "forecast"
    assert tool.description == "Tell the weather."
    assert tool.parameters is not None
    assert tool.parameters["required"] == ["place", "day"]
    assert tool.parameters["properties"]["unit"] == {"enum": ["c", "f"], "default": "c"}
    assert tool.parameters["properties"]["day"]["description"] == "when"
    assert tool.parameters["$defs"]["Place"]["required"] == ["city"]


def test_a_parameter_that_json_cannot_fill_is_refused() -> None:
    def variadic(*args: int) -> None: ...

    with pytest.raises(InvalidRequest, match="cannot fill"):
        tool_from_function(variadic)


def answer(*parts: Any) -> Completion:
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Completion(parts=parts, finish_reason="tool_calls" if calls else "stop")


def play(completions: list[Completion], max_turns: int = 10) -> tuple[ToolRun, list[ChatRequest]]:
    """Run the loop against given answers; tell how it ended and what was asked."""
    asked: list[ChatRequest] = []
    request = ChatRequest(model="a/x", messages=(user("weather?"),))
    loop = tool_loop(request, [forecast], max_turns)
    try:
        step = next(loop)
        while True:
            if isinstance(step, Invoke):
                try:
                    step = loop.send(step.function(**step.arguments))
                except StopIteration:
                    raise
                except Exception as error:
                    step = loop.throw(error)
                continue
            asked.append(step)
            step = loop.send(completions[len(asked) - 1])
    except StopIteration as stop:
        return stop.value, asked


def test_the_loop_calls_what_the_model_asks_for_with_typed_arguments() -> None:
    call = ToolCall("c1", "forecast", '{"place": {"city": "Lyon"}, "day": "2026-11-21"}')
    run, asked = play([answer(call), answer(Text("Sunny."))])
    assert run.text == "Sunny."
    result = asked[1].messages[-1].parts[0]
    assert result == ToolResult("c1", (Text("Lyon 2026-11-21 c"),), name="forecast")


def test_parallel_calls_are_answered_in_one_message_in_order() -> None:
    calls = [
        ToolCall(f"c{i}", "forecast", f'{{"place": {{"city": "{i}"}}, "day": "2026-11-21"}}')
        for i in range(3)
    ]
    _, asked = play([answer(*calls), answer(Text("ok"))])
    results = asked[1].messages[-1]
    assert results.role == "tool"
    assert [part.call_id for part in results.parts] == ["c0", "c1", "c2"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (ToolCall("c1", "rain", "{}"), "there is no tool 'rain'; there are: forecast"),
        (ToolCall("c1", "forecast", "{"), "JSONDecodeError"),
        (ToolCall("c1", "forecast", "[1]"), "must be a JSON object"),
        (ToolCall("c1", "forecast", '{"place": 1, "day": "x"}'), "ValidationError"),
        (ToolCall("c1", "forecast", "{}"), "TypeError"),
    ],
)
def test_what_goes_wrong_goes_back_to_the_model(call: ToolCall, complaint: str) -> None:
    run, asked = play([answer(call), answer(Text("sorry"))])
    result = asked[1].messages[-1].parts[0]
    assert isinstance(result, ToolResult)
    assert result.is_error
    assert complaint in result.parts[0].text  # type: ignore[union-attr]
    assert run.text == "sorry"


def test_the_loop_ends_after_so_many_turns() -> None:
    call = ToolCall("c1", "rain", "{}")
    run, asked = play([answer(call)] * 5, max_turns=3)
    assert len(asked) == 3
    assert run.completion.tool_calls
