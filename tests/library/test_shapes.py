"""Answers told in the shapes of the three APIs, and histories taken in them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic.types
import openai.types.chat
import openai.types.responses
import pytest
from pydantic import TypeAdapter

from dragoman import AsyncClient, Client
from dragoman.conversation import read_messages
from dragoman.types import Media, Text, ToolCall, ToolResult
from tests.library.asking import configure
from tests.upstream.fault import FaultUpstream, chat, chat_stream, tool_calls

StartUpstream = Callable[..., FaultUpstream]

KINDS: dict[str, tuple[Any, Any]] = {
    "openai": (openai.types.chat.ChatCompletion, openai.types.chat.ChatCompletionChunk),
    "responses": (openai.types.responses.Response, openai.types.responses.ResponseStreamEvent),
    "anthropic": (anthropic.types.Message, anthropic.types.RawMessageStreamEvent),
}


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("answer", [chat("Hello"), tool_calls(("look", {"at": 1}))])
def test_an_answer_takes_the_shape_of_any_api(
    upstream: StartUpstream, shape: str, answer: Any
) -> None:
    config = configure({"a": {"base_url": upstream(answer).base_url}})
    with Client(config) as client:
        told = getattr(client.chat("a/x", "hi"), f"to_{shape}")()
    TypeAdapter(KINDS[shape][0]).validate_python(told)


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize(
    "answer", [chat_stream(["Hel", "lo"]), tool_calls(("look", {"at": 1}), stream=True)]
)
def test_a_stream_takes_the_shape_of_any_api(
    upstream: StartUpstream, shape: str, answer: Any
) -> None:
    config = configure({"a": {"base_url": upstream(answer).base_url}})
    with Client(config) as client, client.stream("a/x", "hi") as stream:
        told = list(getattr(stream, f"to_{shape}")())
    assert len(told) > 2
    for item in told:
        TypeAdapter(KINDS[shape][1]).validate_python(item)


def test_an_async_stream_tells_the_same(upstream: StartUpstream) -> None:
    config = configure({"a": {"base_url": upstream(chat_stream(["Hel", "lo"])).base_url}})

    async def ask() -> list[dict[str, Any]]:
        async with AsyncClient(config) as client, client.stream("a/x", "hi") as stream:
            return [item async for item in stream.to_openai()]

    told = asyncio.run(ask())
    text = "".join(
        choice["delta"].get("content") or "" for item in told for choice in item["choices"]
    )
    assert text == "Hello"


CHAT = [
    {"role": "user", "content": "look"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "seen"},
]
MESSAGES = [
    {"role": "user", "content": "look"},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {"at": 1}}],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "seen"}]},
]
RESPONSES = [
    {"role": "user", "content": "look"},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}'},
    {"type": "function_call_output", "call_id": "c1", "output": "seen"},
]


@pytest.mark.parametrize("history", [CHAT, MESSAGES, RESPONSES])
def test_a_history_is_taken_in_the_shape_of_any_api(history: list[dict[str, Any]]) -> None:
    asked, called, answered = read_messages(history)
    assert asked.text == "look"
    (call,) = called.parts
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, call.arguments.replace(" ", "")) == ("c1", "look", '{"at":1}')
    (result,) = answered.parts
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.parts[0].text) == ("c1", "seen")  # type: ignore[union-attr]


def test_pictures_are_known_in_every_shape() -> None:
    blocks = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "input_image", "image_url": "data:image/png;base64,aGk="},
    ]
    for block in blocks:
        (message,) = read_messages([{"role": "user", "content": [block]}])
        (part,) = message.parts
        assert isinstance(part, Media)
        assert (part.kind, part.media_type, part.data) == ("image", "image/png", "aGk=")


def test_shapes_may_be_mixed_with_our_own(upstream: StartUpstream) -> None:
    with Client(configure({"a": {"base_url": upstream(chat("ok")).base_url}})) as client:
        answer = client.chat("a/x", "hi")
    history = read_messages([*MESSAGES, answer.message, {"role": "user", "content": "and?"}])
    assert [message.role for message in history] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert history[3].parts == (Text("ok"),)
