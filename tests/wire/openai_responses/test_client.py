"""The library over a provider that speaks OpenAI Responses, and one that stands in for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dragoman import Client
from dragoman.errors import ContextOverflow, RateLimited, StreamTruncated
from dragoman.types import (
    Message,
    PartDelta,
    Reasoning,
    Text,
    ToolResult,
    assistant,
    user,
)
from tests.library.asking import Asker, configure, trail
from tests.upstream.fault import FaultUpstream, chat, error
from tests.upstream.script import Answer
from tests.wire import golden
from tests.wire.openai_responses.judge import FORMAT, events_answer, json_answer

StartUpstream = Callable[..., FaultUpstream]


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


def whole(name: str) -> Answer:
    return json_answer(golden.read(FORMAT.name, f"{name}.json"))


def streamed(name: str) -> Answer:
    return events_answer(golden.read(FORMAT.name, f"{name}.sse"))


def asker(kind: str, upstream: FaultUpstream, **fields: Any) -> Asker:
    table = {"base_url": upstream.base_url, "api": FORMAT.name, "api_key": "env:KEY", **fields}
    return Asker(kind, configure({"a": table}), env={"KEY": "sesame"})


def test_a_whole_answer(kind: str, upstream: StartUpstream) -> None:
    server = upstream(whole("reasoning-summary-in-sections"))
    answer = asker(kind, server).chat("a/gpt", "hi", system="Be brief.", max_tokens=9)
    assert answer.text == "Hello, world"
    assert answer.reasoning.startswith("**Looking**")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.reasoning_tokens) == (36, 64)
    (request,) = server.requests
    assert request.path == "/v1/responses"
    assert request.header("authorization") == "Bearer sesame"
    assert request.json() == {
        "model": "gpt",
        "instructions": "Be brief.",
        "input": [{"type": "message", "role": "user", "content": "hi"}],
        "max_output_tokens": 9,
        "store": False,
    }


@pytest.mark.parametrize("pace", [1, 1 << 20])
def test_a_stream(kind: str, upstream: StartUpstream, pace: int) -> None:
    server = upstream(streamed("tool-calls-parallel").paced(pace))
    seen = asker(kind, server).stream("a/gpt")
    assert seen.error is None
    assert server.requests[0].json()["stream"] is True
    texts = [e.text for e in seen.events if isinstance(e, PartDelta) and e.kind == "text"]
    assert texts == ["Hel", "lo, ", "world"]
    assert [call.name for call in seen.completion.tool_calls] == ["get_weather", "get_time"]
    assert trail(seen.exchange) == ["first a/gpt ok 200"]
    assert seen.exchange.usage is not None


def test_a_stream_that_breaks_off_keeps_what_had_come(kind: str, upstream: StartUpstream) -> None:
    body = golden.read(FORMAT.name, "openai-text.sse")
    cut = streamed("openai-text").cut(at=body.index(b'"delta":"lo, "'))
    seen = asker(kind, upstream(cut)).stream("a/gpt")
    assert isinstance(seen.error, Exception)
    assert getattr(seen.error, "partial").text == "Hel"  # noqa: B009


def test_an_answer_that_ends_too_early_is_truncated(kind: str, upstream: StartUpstream) -> None:
    seen = asker(kind, upstream(streamed("truncated-before-completed"))).stream("a/gpt")
    assert isinstance(seen.error, StreamTruncated)
    assert seen.completion.text == "Hello, world"


def test_a_failure_inside_a_stream_is_tried_again_before_there_is_content(
    kind: str, upstream: StartUpstream
) -> None:
    server = upstream([streamed("failed"), streamed("openai-text")])
    seen = asker(kind, server).stream("a/gpt")
    assert seen.completion.text == "Hello, world"
    assert [attempt.outcome for attempt in seen.exchange.attempts] == ["error", "ok"]


def test_a_failure_after_content_is_an_error(kind: str, upstream: StartUpstream) -> None:
    seen = asker(kind, upstream(streamed("failed-rate-limit"))).stream("a/gpt")
    assert isinstance(seen.error, RateLimited)
    assert seen.error.retry_after == 1.5


def test_errors_are_classified(kind: str, upstream: StartUpstream) -> None:
    server = upstream(error(400, code="context_length_exceeded", message="too long"))
    with pytest.raises(ContextOverflow):
        asker(kind, server).chat("a/gpt")


def test_another_format_stands_in(kind: str, upstream: StartUpstream) -> None:
    tired, other = upstream(error(503)), upstream(chat("from chat"))
    providers = {
        "a": {"base_url": tired.base_url, "api": FORMAT.name, "retries": 0},
        "b": {"base_url": other.base_url},
    }
    answer = Asker(kind, configure(providers)).chat(["a/x", "b/y"], "hi", max_tokens=5)
    assert answer.text == "from chat"
    assert tired.requests[0].json()["max_output_tokens"] == 5
    assert other.requests[0].json()["max_tokens"] == 5


def test_the_history_of_a_turn_with_tools_goes_back_as_it_came(
    kind: str, upstream: StartUpstream
) -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    call = {
        "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look",
        "arguments": '{"at":1.50}',
    }  # fmt: skip
    first = {"id": "resp_1", "object": "response", "status": "completed", "output": [thought, call]}
    server = upstream([json_answer(json.dumps(first).encode()), whole("openai-text")])
    asking = asker(kind, server)
    answer = asking.chat("a/gpt", "look", reasoning="low")
    result = Message("tool", (ToolResult("call_1", (Text("seen"),)),))
    asking.chat("a/gpt", [user("look"), assistant(*answer.parts), result], reasoning="low")
    asked, again = (request.json() for request in server.requests)
    assert asked["include"] == ["reasoning.encrypted_content"]
    assert again["input"][1:] == [
        thought,
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"at":1.50}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "seen"},
    ]


class Weather(msgspec.Struct):
    """What the weather is like."""

    city: str
    degrees: float


def test_structured_output_uses_the_formats_own_schema(upstream: StartUpstream) -> None:
    body = golden.read(FORMAT.name, "openai-text.json")
    data = body.replace(b"Hello, world", b'{\\"city\\":\\"Rome\\",\\"degrees\\":21.5}')
    server = upstream(json_answer(data))
    table = {"base_url": server.base_url, "api": FORMAT.name}
    with Client(configure({"a": table})) as client:
        parsed = client.parse(Weather, "a/gpt", "weather?")
    assert parsed.value == Weather("Rome", 21.5)
    form = server.requests[0].json()["text"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["properties"].keys() == {"city", "degrees"}


def test_tools_run_until_the_model_has_answered(upstream: StartUpstream) -> None:
    def get_weather(city: str, n: float) -> str:
        """Tell the weather."""
        return f"{city} {n}"

    server = upstream([whole("tool-call"), whole("openai-text")])
    table = {"base_url": server.base_url, "api": FORMAT.name}
    with Client(configure({"a": table})) as client:
        run = client.run_tools("a/gpt", "weather?", tools=[get_weather])
    assert run.completion.text == "Hello, world"
    assert server.requests[1].json()["input"][-1] == {
        "type": "function_call_output", "call_id": "call_1", "output": "Rome 1.5",
    }  # fmt: skip


def test_what_is_not_sent_is_said(kind: str, upstream: StartUpstream) -> None:
    server = upstream(whole("openai-text"))
    foreign = assistant(Reasoning("Hm.", {"anthropic-messages": {"signature": "s"}}), "Ho.")
    answer = asker(kind, server).chat("a/gpt", [user("hi"), foreign, user("and?")], stop="END")
    assert set(answer.warnings) == {
        "stop is not sent: OpenAI Responses do not know it",
        "reasoning that only anthropic-messages can read is left out",
        "a/gpt answered as another model: gpt-6-astra",
    }
