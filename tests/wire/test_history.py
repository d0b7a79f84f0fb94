"""Histories are made whole in one way, whatever language they are sent in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.conversation import read_messages
from dragoman.types import (
    ChatRequest,
    Completion,
    Dialect,
    Message,
    Text,
    ToolCall,
    ToolResult,
    user,
)
from dragoman.wire import get_format
from dragoman.wire.history import NO_RESULT, mend_calls
from dragoman.wire.ids import is_safe_id, original_id, safe_id

APIS = ("openai-completions", "openai-responses", "anthropic-messages")
IDS = st.sampled_from(["a", "b", "functions.look:0", "functions.look:1", "ü", "x" * 70, "x" * 71])
PARTS: Any = st.one_of(
    st.builds(Text, st.sampled_from(["one", "two"])),
    st.builds(ToolCall, IDS, st.just("f"), st.just("{}")),
    st.builds(lambda call_id: ToolResult(call_id, (Text("done"),)), IDS),
)
MESSAGES: Any = st.lists(
    st.builds(
        Message,
        st.sampled_from(["user", "assistant", "tool"]),
        st.lists(PARTS, min_size=1, max_size=4).map(tuple),
    ),
    max_size=6,
)


def mended(*messages: Message) -> tuple[tuple[Message, ...], list[str]]:
    warnings: list[str] = []
    return mend_calls(messages, warnings.append), warnings


def calls(*ids: str) -> Message:
    return Message("assistant", tuple(ToolCall(one, "f", "{}") for one in ids))


def results(*ids: str) -> Message:
    return Message("tool", tuple(ToolResult(one, (Text(one),)) for one in ids))


def test_results_stand_behind_their_calls_in_one_message() -> None:
    history, warnings = mended(calls("a", "b"), results("b"), user("wait"), results("a"))
    assert history == (calls("a", "b"), results("b", "a"), user("wait"))
    assert warnings == []


def test_an_id_that_begins_anew_is_told_apart_from_the_first() -> None:
    history, _ = mended(calls("a"), results("a"), calls("a"), results("a"))
    (call,), (result,) = history[2].parts, history[3].parts
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert call.id == result.call_id != "a"
    assert history[:2] == (calls("a"), results("a"))


@pytest.mark.parametrize(
    "result",
    [
        {"role": "tool", "tool_call_id": "a", "content": "done"},
        {"type": "function_call_output", "call_id": "a", "output": "done"},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]},
    ],
)
def test_a_result_in_any_shape_may_answer_a_call_of_ours(result: dict[str, Any]) -> None:
    message = read_messages([{"role": "user", "content": "hi"}, calls("a"), result])[-1]
    assert [p.call_id for p in message.parts if isinstance(p, ToolResult)] == ["a"]


def test_a_call_that_nobody_answered_has_failed() -> None:
    history, warnings = mended(calls("a"), user("go on"))
    assert history[1] == Message("tool", (ToolResult("a", (Text(NO_RESULT),), is_error=True),))
    assert warnings == ["the tool call 'a' has no result: one was made up that says so"]


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_an_id_that_must_be_spelled_otherwise_is_found_again(one: str, other: str) -> None:
    spelled = safe_id(one, "toolu_")
    assert is_safe_id(spelled)
    assert (spelled == safe_id(other, "toolu_")) == (one == other)
    assert original_id(spelled) in (one, spelled)
    assert len(one.encode("utf-8", "replace")) > 39 or original_id(spelled) == one


def test_a_model_gets_its_own_ids_back_from_a_client_that_cannot_say_them() -> None:
    claude, chat = get_format("anthropic-messages"), get_format("openai-completions")
    answer = Completion(
        parts=(ToolCall("functions.look:0", "look", "{}"),), finish_reason="tool_calls", id="1"
    )
    block = json.loads(claude.render_response(answer).body)["content"][0]
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"])
    said = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [block]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block["id"]}]},
    ]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": said}).encode()
    sent = json.loads(chat.render_request(claude.parse_request(body), "m", Dialect()).body)
    assert sent["messages"][1]["tool_calls"][0]["id"] == "functions.look:0"
    assert sent["messages"][2]["tool_call_id"] == "functions.look:0"


@given(MESSAGES, st.booleans())
def test_every_call_has_one_result_and_every_result_a_call(
    messages: list[Message], anew: bool
) -> None:
    history = mend_calls(messages, lambda _: None, anew=anew)
    answered: list[str] = []
    for at, message in enumerate(history):
        asked = [part.id for part in message.parts if isinstance(part, ToolCall)]
        if message.role == "assistant" and asked:
            behind = [p.call_id for p in history[at + 1].parts if isinstance(p, ToolResult)]
            assert sorted(behind) == sorted(asked)
            assert len(set(asked)) == len(asked)
            answered += asked
        results_here = [isinstance(part, ToolResult) for part in message.parts]
        assert all(results_here) if any(results_here) else message.role != "tool"
    assert anew or len(set(answered)) == len(answered)


@pytest.mark.parametrize("api", APIS)
@given(MESSAGES)
def test_ids_stay_apart_and_go_together(api: str, messages: list[Message]) -> None:
    request = ChatRequest(model="m", messages=(user("hi"), *messages))
    body = json.loads(get_format(api).render_request(request, "m", Dialect()).body)
    asked, answered = _ids(api, body)
    assert asked == answered
    assert sum(asked.values()) == sum(
        isinstance(part, ToolCall)
        for message in messages
        if message.role == "assistant"
        for part in message.parts
    )


def _ids(api: str, body: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Count the ids of calls and of results."""
    asked: list[str] = []
    answered: list[str] = []
    for item in body.get("input", body.get("messages")):
        content = item.get("content")
        blocks = [item, *(item.get("tool_calls") or ())]
        blocks += content if isinstance(content, list) else []
        for block in blocks:
            kind = block.get("type")
            if kind in ("function", "tool_use"):
                asked.append(block["id"])
            elif kind == "function_call":
                asked.append(block["call_id"])
            elif kind == "function_call_output":
                answered.append(block["call_id"])
            elif kind == "tool_result":
                answered.append(block["tool_use_id"])
            elif block.get("role") == "tool":
                answered.append(block["tool_call_id"])
    if api == "anthropic-messages":
        assert len(set(asked)) == len(asked)
    return ({one: asked.count(one) for one in asked}, {o: answered.count(o) for o in answered})
