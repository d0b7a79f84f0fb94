"""The library asks upstreams that speak Anthropic's language: scripted ones, and real ones."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dragoman import Client
from dragoman.errors import BillingError, ContextOverflow, StreamTruncated
from dragoman.types import Completion, PartDelta, Reasoning, Text, ToolCall, Usage, user
from dragoman.wire.signer import sign_part
from dragoman.wire.whole import events_of
from tests.library.asking import Asker, configure, trail
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import FaultUpstream, chat, error
from tests.upstream.llama import LlamaServer
from tests.wire import golden
from tests.wire.anthropic_messages.judge import (
    FORMAT,
    events_answer,
    json_answer,
    rendered,
    whole,
)

StartUpstream = Callable[..., FaultUpstream]
HELLO = Completion(
    parts=(Reasoning("Hm.", {FORMAT.name: {"signature": "S="}}), Text("Hello")),
    finish_reason="stop",
    raw_finish_reason="end_turn",
    usage=Usage(1000, 20, cache_read_tokens=400, cache_write_tokens=100),
    id="msg_1",
    model="claude-x-20261121",
)
PRICE = {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


def provider(url: str, **more: Any) -> dict[str, Any]:
    return {"base_url": url, "api": FORMAT.name, "api_key": "sesame", **more}


def refusal(status: int, kind: str, message: str) -> Any:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return json_answer(msgspec.json.encode(body), status)


def test_a_question_is_asked_as_the_api_wants_it(kind: str, upstream: StartUpstream) -> None:
    server = upstream(json_answer(whole(HELLO)))
    config = configure({"a": provider(server.url)})
    Asker(kind, config).chat("a/claude-x", "hi", system="Be brief.", temperature=0.5)
    (request,) = server.requests
    assert request.path == "/v1/messages"
    assert request.header("x-api-key") == "sesame"
    assert request.header("authorization") is None
    assert request.header("anthropic-version") == "2023-06-01"
    assert request.json() == {
        "model": "claude-x",
        "max_tokens": 8192,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
    }


@pytest.mark.parametrize(
    ("model", "params", "limit"),
    [
        ({}, {}, 8192),
        ({}, {"reasoning": 20_000}, 28_192),
        ({}, {"max_tokens": 5}, 5),
        ({"max_tokens": 64_000}, {}, 64_000),
        ({"max_tokens": 64_000}, {"reasoning": 20_000}, 64_000),
    ],
)
def test_every_request_has_a_limit(
    model: dict[str, Any], params: dict[str, Any], limit: int, upstream: StartUpstream
) -> None:
    server = upstream(json_answer(whole(HELLO)))
    models = {"m": {"id": "m", **model}} if model else {}
    Asker("sync", configure({"a": provider(server.url, models=models)})).chat("a/m", **params)
    assert server.requests[0].json()["max_tokens"] == limit


def test_an_answer_costs_the_same_streamed_and_whole(kind: str, upstream: StartUpstream) -> None:
    server = upstream([json_answer(whole(HELLO)), events_answer(rendered(events_of(HELLO)))])
    models = {"claude-x": {"id": "claude-x", "cost": PRICE}}
    asker = Asker(kind, configure({"a": provider(server.base_url, models=models)}))
    said = asker.chat("a/claude-x")
    streamed = asker.stream("a/claude-x")
    assert said.parts == streamed.completion.parts
    assert said.parts == tuple(sign_part(part, "a/claude") for part in HELLO.parts)
    assert said.usage == streamed.completion.usage == HELLO.usage
    assert said.finish_reason == streamed.completion.finish_reason == "stop"
    # 500 fresh, 400 read, 100 written, 20 out, in USD per million
    assert said.cost == streamed.completion.cost == Decimal("0.002295")


def test_tools_are_run_and_signed_thoughts_go_back(upstream: StartUpstream) -> None:
    asks = Completion(
        parts=(
            Reasoning("Both.", {FORMAT.name: {"signature": "S="}}),
            ToolCall("toolu_1", "double", '{"n": 1}'),
            ToolCall("toolu_2", "double", '{"n": 2}'),
        ),
        finish_reason="tool_calls",
        model="m",
    )
    server = upstream([json_answer(whole(asks)), json_answer(whole(HELLO))])

    def double(n: int) -> int:
        """Double a number."""
        return 2 * n

    with Client(configure({"a": provider(server.url)})) as client:
        run = client.run_tools("a/m", "Double 1 and 2.", tools=[double])
    assert run.completion.text == "Hello"
    question, answer, results = server.requests[1].json()["messages"]
    assert question == {"role": "user", "content": "Double 1 and 2."}
    assert answer["content"][0] == {"type": "thinking", "thinking": "Both.", "signature": "S="}
    assert [block["content"] for block in results["content"]] == ["2", "4"]
    assert [block["tool_use_id"] for block in results["content"]] == ["toolu_1", "toolu_2"]


class Person(msgspec.Struct):
    name: str
    age: int


def test_data_is_asked_for_by_schema(upstream: StartUpstream) -> None:
    answer = Completion(parts=(Text('{"name":"Ada","age":36}'),), finish_reason="stop")
    server = upstream(json_answer(whole(answer)))
    with Client(configure({"a": provider(server.url)})) as client:
        assert client.parse(Person, "a/m", "who?").value == Person("Ada", 36)
    wanted = server.requests[0].json()["output_config"]["format"]
    assert wanted["type"] == "json_schema"
    assert '"additionalProperties":false' in server.requests[0].body.decode()


def test_a_fallback_changes_the_language(kind: str, upstream: StartUpstream) -> None:
    """And the history, signed by nobody that the next provider knows, goes along."""
    busy = upstream(refusal(529, "overloaded_error", "Overloaded"))
    other = upstream(chat("Hello"))
    config = configure(
        {"a": provider(busy.url, retries=0), "b": {"base_url": other.base_url}},
        routes={"r": {"models": ["a/m", "b/m"]}},
    )
    answer = Asker(kind, config).chat("r", [user("a"), HELLO.message, user("b")])
    assert answer.text == "Hello"
    assert trail(answer.exchange) == [
        "first a/m error 529 upstream_overloaded",
        "fallback b/m ok 200",
    ]
    assert busy.requests[0].json()["messages"][1]["content"][0]["signature"] == "S="
    assert "S=" not in other.requests[0].body.decode()


def test_a_fallback_to_this_language_works_the_same(kind: str, upstream: StartUpstream) -> None:
    down = upstream(error(500))
    other = upstream(events_answer(rendered(events_of(HELLO))))
    config = configure(
        {"a": {"base_url": down.base_url, "retries": 0}, "b": provider(other.url)},
        routes={"r": {"models": ["a/m", "b/m"]}},
    )
    streamed = Asker(kind, config).stream("r")
    assert streamed.error is None
    assert streamed.completion.text == "Hello"
    assert streamed.exchange.provider == "b"


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (
            refusal(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
            ContextOverflow,
        ),
        (
            refusal(400, "invalid_request_error", "Your credit balance is too low to access"),
            BillingError,
        ),
    ],
)
def test_errors_are_what_they_are(
    kind: str, answer: Any, raised: type[Exception], upstream: StartUpstream
) -> None:
    server = upstream(answer)
    with pytest.raises(raised):
        Asker(kind, configure({"a": provider(server.url)})).chat("a/m")
    assert len(server.requests) == 1


def test_an_answer_that_breaks_off_leaves_what_there_was(
    kind: str, upstream: StartUpstream
) -> None:
    body = golden.read(FORMAT.name, "truncated-in-text.sse")
    server = upstream(events_answer(body))
    streamed = Asker(kind, configure({"a": provider(server.url)})).stream("a/m")
    assert isinstance(streamed.error, StreamTruncated)
    assert streamed.completion.text == "Once upon a"
    assert streamed.exchange.outcome == "truncated"


def test_pings_are_no_content(kind: str, upstream: StartUpstream) -> None:
    body = golden.read(FORMAT.name, "pings-everywhere.sse")
    streamed = Asker(kind, configure({"a": provider(upstream(events_answer(body)).url)})).stream(
        "a/m"
    )
    assert [event.text for event in streamed.events if isinstance(event, PartDelta)] == ["Hi"]


# -- servers that this project did not write


def test_llama_answers_in_this_language(kind: str, llama_server: LlamaServer) -> None:
    config = configure({"l": {"base_url": llama_server.base_url, "api": FORMAT.name}})
    asker = Asker(kind, config)
    said = asker.chat("l/tiny", "hello", max_tokens=8)
    streamed = asker.stream("l/tiny", "hello", max_tokens=8).completion
    assert said.text == streamed.text != ""
    assert said.finish_reason == streamed.finish_reason == "length"
    assert said.usage is not None
    assert streamed.usage is not None
    assert said.usage.prompt_tokens == streamed.usage.prompt_tokens
    assert said.usage.completion_tokens == streamed.usage.completion_tokens == 8
    with pytest.raises(ContextOverflow):
        asker.chat("l/tiny", "hello " * 2000, max_tokens=8)


def test_aimock_calls_tools_in_this_language(kind: str, aimock_server: AimockServer) -> None:
    aimock_server.reset()
    calls = [{"name": "look", "arguments": '{"at":1}'}, {"name": "look", "arguments": '{"at":2}'}]
    aimock_server.answer("look around", {"toolCalls": calls}, chunkSize=3)
    aimock_server.answer("think", {"content": "Four.", "reasoning": "Two and two."}, chunkSize=2)
    config = configure({"a": provider(aimock_server.url)})
    asker = Asker(kind, config)
    for answer in (asker.chat("a/m", "look around"), asker.stream("a/m", "look around").completion):
        assert [(call.name, call.arguments) for call in answer.tool_calls] == [
            ("look", '{"at":1}'),
            ("look", '{"at":2}'),
        ]
        assert answer.finish_reason == "tool_calls"
        assert len({call.id for call in answer.tool_calls}) == 2
    for answer in (asker.chat("a/m", "think"), asker.stream("a/m", "think").completion):
        assert (answer.text, answer.reasoning) == ("Four.", "Two and two.")
