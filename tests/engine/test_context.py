"""Fitting a prompt into a context window."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engine.context import find_silent_cut, fit, truncate
from dragoman.engine.estimate import estimate_message, estimate_request
from dragoman.errors import ContextOverflow
from dragoman.types import (
    ChatRequest,
    Message,
    ModelInfo,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    assistant,
    system,
    user,
)

LONG = "word " * 400


def chat(*messages: Message, **fields: object) -> ChatRequest:
    return ChatRequest(model="a/x", messages=messages, **fields)  # type: ignore[arg-type]


def call(number: int) -> tuple[Message, Message]:
    """A tool call and its result."""
    return (
        assistant(ToolCall(f"c{number}", "look", LONG)),
        Message("tool", (ToolResult(f"c{number}", (Text(LONG),)),)),
    )


def test_an_unknown_window_lets_everything_through() -> None:
    request = chat(user(LONG * 1000))
    assert fit(request, ModelInfo(id="x"), "error", 500_000).request is request


def test_an_estimate_refuses_only_beyond_its_margin() -> None:
    request = chat(user("hi"))
    assert fit(request, ModelInfo(id="x", context_window=1000), "error", 1240).request is request
    with pytest.raises(ContextOverflow) as caught:
        fit(request, ModelInfo(id="x", context_window=1000), "error", 1260)
    assert caught.value.failover == "never"


def test_under_the_policy_fallback_a_larger_window_is_asked_for() -> None:
    with pytest.raises(ContextOverflow) as caught:
        fit(chat(user("hi")), ModelInfo(id="x", context_window=1000), "fallback", 5000)
    assert caught.value.failover == "larger_window"


def test_the_answers_limit_is_lowered_before_history_is_cut() -> None:
    request = chat(user("hi"), max_tokens=4000)
    fitted = fit(request, ModelInfo(id="x", context_window=2000), "truncate", 500)
    assert fitted.request.max_tokens == 1500
    assert "lowered from 4000 to 1500" in fitted.warnings[0]


def test_truncation_keeps_instructions_and_the_last_question_and_says_what_went() -> None:
    history = [system("be brief")]
    for _ in range(20):
        history += [user(LONG), assistant(LONG)]
    request = chat(*history, user("and now?"))
    info = ModelInfo(id="x", context_window=2500)
    fitted = fit(request, info, "truncate", estimate_request(request))
    kept = fitted.request.messages
    assert kept[0].role == "system"
    assert kept[1].role == "user"
    assert kept[-1].text == "and now?"
    assert estimate_request(fitted.request) <= 2500
    assert f"the oldest {len(history) + 1 - len(kept)} messages" in fitted.warnings[0]


def test_truncation_never_parts_a_call_from_its_result() -> None:
    history = (user("start"), *call(1), *call(2), *call(3))
    kept, dropped = truncate(history, 1200)
    assert dropped == 4
    assert [message.role for message in kept] == ["user", "assistant", "tool"]
    assert kept[-1].parts[0].call_id == "c3"  # type: ignore[union-attr]


def test_what_cannot_be_cut_far_enough_is_an_error() -> None:
    request = chat(user(LONG * 20))
    with pytest.raises(ContextOverflow):
        fit(request, ModelInfo(id="x", context_window=1000), "truncate", estimate_request(request))


message = st.one_of(
    st.builds(lambda n: (user("u" * n),), st.integers(1, 4000)),
    st.builds(lambda n: (assistant("a" * n),), st.integers(1, 4000)),
    st.builds(lambda n: call(n), st.integers(0, 9)),
)


@settings(max_examples=200)
@given(st.lists(message, min_size=1, max_size=15), st.integers(0, 4000))
def test_whatever_is_cut_the_rest_is_a_sound_history(
    groups: list[tuple[Message, ...]], room: int
) -> None:
    history = (system("s"), user("first"), *(m for group in groups for m in group))
    kept, dropped = truncate(history, room)
    assert len(kept) + dropped == len(history)
    assert kept[0].role == "system"
    assert kept[1].role == "user"
    for before, after in pairwise(kept):
        if after.role == "tool":
            assert any(isinstance(part, ToolCall) for part in before.parts)
    assert kept[-1] is history[-1]
    if sum(map(estimate_message, history)) <= room:
        assert not dropped


def test_a_server_that_cut_the_prompt_in_silence_is_noticed() -> None:
    (note,) = find_silent_cut(Usage(prompt_tokens=2048, completion_tokens=5), 9000)
    assert "2048" in note
    assert "num_ctx" in note


@pytest.mark.parametrize(
    ("usage", "estimate"),
    [
        (Usage(), 9000),
        (Usage(prompt_tokens=7000), 9000),
        (Usage(prompt_tokens=10), 300),
        (Usage(prompt_tokens=2048, estimated=True), 9000),
    ],
)
def test_an_ordinary_count_raises_no_alarm(usage: Usage, estimate: int) -> None:
    assert not find_silent_cut(usage, estimate)
