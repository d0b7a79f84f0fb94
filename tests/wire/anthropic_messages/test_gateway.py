"""The official SDK before the gateway, providers of both languages behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from dragoman.types import Completion, Reasoning, Text, ToolCall, Usage
from dragoman.wire.seal import MARK
from dragoman.wire.whole import events_of
from tests.server.serving import Served
from tests.upstream.fault import FaultUpstream, chat, chat_stream, delta_stream, error
from tests.wire.anthropic_messages.judge import (
    FORMAT,
    events_answer,
    json_answer,
    rendered,
    whole,
)

StartUpstream = Callable[..., FaultUpstream]
ASKED: dict[str, Any] = {
    "model": "a/m",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hi"}],
}
TOOL: Any = {"name": "look", "input_schema": {"type": "object"}}


def client_of(gateway: Served) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key="k", max_retries=0)


def test_a_chat_provider_answers_in_the_clients_language(upstream: StartUpstream) -> None:
    server = upstream([chat("Hello"), chat_stream(["Hel", "lo"])])
    with (
        Served({"a": {"base_url": server.base_url}}) as gateway,
        client_of(gateway) as client,
    ):
        created = client.messages.create(**ASKED, system="Be brief.")
        with client.messages.stream(**ASKED) as stream:
            streamed = stream.get_final_message()
    for message in (created, streamed):
        assert [block.text for block in message.content if block.type == "text"] == ["Hello"]
        assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 3)
        assert (message.stop_reason, message.model) == ("end_turn", "a/m")
    assert server.requests[0].json()["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_provider_of_the_same_language_gets_and_gives_the_very_bytes(
    upstream: StartUpstream,
) -> None:
    answer = Completion(parts=(Text("Hello"),), finish_reason="stop", id="msg_1", model="up")
    body = rendered(events_of(answer))
    server = upstream(events_answer(body))
    with (
        Served({"a": {"base_url": server.url, "api": FORMAT.name}}) as gateway,
        client_of(gateway) as client,
        client.messages.with_streaming_response.create(**ASKED, stream=True) as response,
    ):
        assert response.read() == body
    assert server.requests[0].json() == {**ASKED, "model": "m", "stream": True}


def test_reasoning_that_a_client_carries_comes_home_and_nowhere_else(
    upstream: StartUpstream,
) -> None:
    """The first answer comes from a chat provider, the second is asked of one of this language."""
    first = upstream(delta_stream([{"reasoning_content": "Hm."}, {"content": "Hello"}]))
    second = upstream(
        json_answer(whole(Completion(parts=(Text("Bye"),), finish_reason="stop", id="msg_2")))
    )
    providers = {
        "a": {"base_url": first.base_url},
        "b": {"base_url": second.url, "api": FORMAT.name},
    }
    with Served(providers) as gateway, client_of(gateway) as client:
        with client.messages.stream(**ASKED) as stream:
            answer = stream.get_final_message()
        thought = answer.content[0]
        assert thought.type == "thinking"
        assert thought.signature.startswith(MARK)
        history: Any = [
            *ASKED["messages"],
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": "bye"},
        ]
        client.messages.create(**{**ASKED, "model": "b/m", "messages": history})
    sent = second.requests[0].json()["messages"]
    assert [message["content"] for message in sent] == ["hi", "Hello", "bye"]


def test_what_the_operator_adds_reaches_a_provider_of_another_language(
    upstream: StartUpstream,
) -> None:
    server = upstream(chat("Hello"))
    provider = {"base_url": server.base_url, "body": {"guided": 1, "temperature": 0}}
    with Served({"a": provider}) as gateway, client_of(gateway) as client:
        client.messages.with_raw_response.create(**ASKED, extra_body={"temperature": 0.5})
    assert server.requests[0].json()["guided"] == 1
    assert server.requests[0].json()["temperature"] == 0.5


def test_a_fallback_crosses_languages_unseen(upstream: StartUpstream) -> None:
    down = upstream(error(500))
    answer = Completion(
        parts=(
            Reasoning("Hm.", {FORMAT.name: {"signature": "S="}}),
            ToolCall("toolu_1", "look", '{"at":1}'),
        ),
        finish_reason="tool_calls",
        usage=Usage(20, 9),
    )
    other = upstream(events_answer(rendered(events_of(answer))))
    providers = {
        "a": {"base_url": down.base_url, "retries": 0},
        "b": {"base_url": other.url, "api": FORMAT.name},
    }
    routes = {"r": {"models": ["a/m", "b/m"]}}
    with (
        Served(providers, routes=routes) as gateway,
        client_of(gateway) as client,
        client.messages.stream(**{**ASKED, "model": "r"}, tools=[TOOL]) as stream,
    ):
        message = stream.get_final_message()
    thought, call = message.content
    assert thought.type == "thinking"
    assert thought.signature == "S="
    assert call.type == "tool_use"
    assert call.input == {"at": 1}


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (error(429, retry_after=7), anthropic.RateLimitError),
        (error(401), anthropic.InternalServerError),
    ],
)
def test_errors_of_a_chat_provider_are_told_in_the_clients_language(
    answer: Any, raised: type[anthropic.APIStatusError], upstream: StartUpstream
) -> None:
    server = upstream(answer)
    provider = {"base_url": server.base_url, "retries": 0}
    with (
        Served({"a": provider}) as gateway,
        client_of(gateway) as client,
        pytest.raises(raised) as caught,
    ):
        client.messages.create(**ASKED)
    body: Any = caught.value.body
    assert body["type"] == "error"


def test_a_wrong_request_is_refused_in_the_clients_language(upstream: StartUpstream) -> None:
    server = upstream(chat("Hello"))
    with (
        Served({"a": {"base_url": server.base_url}}) as gateway,
        client_of(gateway) as client,
        pytest.raises(anthropic.BadRequestError, match=r"messages\[0\]\.role"),
    ):
        client.messages.create(**{**ASKED, "messages": [{"role": "tool", "content": "x"}]})
    assert server.requests == []
