"""Bedrock behind our gateway, asked by the official SDKs in their own languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.adapters.aws import MODEL, OPTIONS, event, refusal, streamed, whole, words
from tests.server.serving import Served
from tests.upstream.fault import FaultUpstream, Request

TOOL: Any = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
BLOCKS = [
    {"reasoningContent": {"reasoningText": {"text": "I must look.", "signature": "c2ln"}}},
    {"text": "Let me look."},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "look", "input": {"at": "sky"}}},
]
USAGE = {"inputTokens": 3, "outputTokens": 9, "totalTokens": 112, "cacheReadInputTokens": 100}


def serve_model(request: Request) -> Any:
    """Think and call at first, and answer what a tool has seen."""
    asked = request.json()["messages"][-1]["content"]
    if any("toolResult" in block for block in asked):
        return whole(words("It is blue."))
    if not request.path.endswith("converse-stream"):
        answer = words("", "tool_use", **USAGE)
        answer["output"]["message"]["content"] = BLOCKS
        return whole(answer)
    thought, text, use = (
        BLOCKS[0]["reasoningContent"]["reasoningText"], BLOCKS[1]["text"], BLOCKS[2]["toolUse"],
    )  # fmt: skip
    start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
    deltas: list[tuple[int, Any]] = [
        (0, {"reasoningContent": {"text": thought["text"]}}),
        (0, {"reasoningContent": {"signature": thought["signature"]}}),
        (1, {"text": text}),
        (2, {"toolUse": {"input": '{"at":"sky"}'}}),
    ]
    frames = [event("messageStart", {"role": "assistant"})]
    for index, delta in deltas:
        if "toolUse" in delta:
            frames.append(event("contentBlockStart", {"contentBlockIndex": index, "start": start}))
        frames.append(event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}))
        if "text" not in delta.get("reasoningContent", {}):
            frames.append(event("contentBlockStop", {"contentBlockIndex": index}))
    frames.append(event("messageStop", {"stopReason": "tool_use"}))
    frames.append(event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}))
    return streamed(frames)


@pytest.fixture
def model(upstream: Callable[..., FaultUpstream]) -> FaultUpstream:
    """The model at Bedrock."""
    return upstream(serve_model)


@pytest.fixture
def gateway(model: FaultUpstream) -> Iterator[Served]:
    """A gateway before it."""
    table = {"base_url": model.url, "adapter": "bedrock", "options": OPTIONS}
    with Served({"aws": table}) as served:
        yield served


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_anthropics_sdk_thinks_calls_and_goes_on(
    stream: bool, model: FaultUpstream, gateway: Served
) -> None:
    """The signature comes back to Bedrock as it was, though the SDK's own language differs."""
    client = gateway.anthropic()
    asked: Any = {
        "model": f"aws/{MODEL}",
        "max_tokens": 4000,
        "tools": [TOOL],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    }
    messages: Any = [{"role": "user", "content": "What colour is the sky?"}]
    if stream:
        with client.messages.stream(messages=messages, **asked) as events:
            answer: Any = events.get_final_message()
    else:
        answer = client.messages.create(messages=messages, **asked)
    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
    assert answer.content[2].input == {"at": "sky"}
    assert answer.stop_reason == "tool_use"
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (3, 100)
    result = {"type": "tool_result", "tool_use_id": answer.content[2].id, "content": "blue"}
    messages += [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [result]},
    ]
    last = client.messages.create(messages=messages, **asked)
    assert last.content[0].text == "It is blue."  # type: ignore[union-attr]
    first, second = (request.json() for request in model.requests)
    assert first["system"] == [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}]
    assert second["messages"][1]["content"] == BLOCKS
    assert (
        first["additionalModelRequestFields"]
        == second["additionalModelRequestFields"]
        == {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    )


def test_openais_sdk_streams_calls(gateway: Served) -> None:
    tool: Any = {"type": "function", "function": {"name": "look"}}
    pieces = gateway.openai().chat.completions.create(
        model=f"aws/{MODEL}",
        messages=[{"role": "user", "content": "What colour is the sky?"}],
        tools=[tool],
        stream=True,
        stream_options={"include_usage": True},
    )
    text, arguments, reasons, usage = "", "", [], None
    for piece in pieces:
        usage = piece.usage or usage
        for choice in piece.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                arguments += call.function.arguments or ""
            reasons.append(choice.finish_reason)
    assert (text, arguments) == ("Let me look.", '{"at":"sky"}')
    assert reasons[-1] == "tool_calls"
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (103, 9)


def test_what_bedrock_refuses_reaches_the_sdk_as_its_own_error(
    upstream: Callable[..., FaultUpstream],
) -> None:
    import openai

    server = upstream(refusal(429, "ThrottlingException", "Too many requests"))
    table = {"base_url": server.url, "adapter": "bedrock", "options": OPTIONS, "retries": 0}
    with Served({"aws": table}) as served, pytest.raises(openai.RateLimitError, match="Too many"):
        served.openai().chat.completions.create(
            model=f"aws/{MODEL}", messages=[{"role": "user", "content": "hi"}]
        )
