"""There and back: what both languages can say survives the way through the other."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.types import (
    ChatRequest,
    Completion,
    Dialect,
    Event,
    Finish,
    JsonSchema,
    Media,
    Message,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
    system,
    user,
)
from dragoman.wire import get_format
from dragoman.wire.base import WireFormat
from dragoman.wire.ids import safe_id
from dragoman.wire.whole import accumulate
from tests.wire import golden
from tests.wire.anthropic_messages.judge import FORMAT, parse

CHAT = get_format("openai-completions")
STREAMS = [
    (api, name)
    for api in (FORMAT.name, CHAT.name)
    for name in golden.names(api, ".sse")
    if isinstance(end := parse(api, name)[-1], Finish) and end.reason != "error"
]
WHOLE = [
    name
    for name in golden.names(FORMAT.name, ".json")
    if "error" not in golden.expected(FORMAT.name, f"{name}.completion.json")["completion"]
    and name != "whole-wrong-types"  # has arguments that are no object
]
SAID_ALIKE = {"stop", "length", "tool_calls"}


def streamed(events: list[Event], form: WireFormat) -> list[Event]:
    """Write events in a language and read them again."""
    renderer = form.stream_renderer("m")
    body = b"".join(renderer.render(event) for event in events)
    return golden.run(form.stream_parser(Dialect()), body, 1 << 30)


def said(completion: Completion) -> dict[str, Any]:
    """What must survive, but for ids and why it ended; a refusal may become text."""
    refusal = completion.refusal or ""
    return {
        "text": completion.text.removesuffix(refusal) + refusal,
        "reasoning": completion.reasoning,
        "calls": [(call.name, call.arguments) for call in completion.tool_calls],
        "usage": counts(completion.usage),
    }


def counts(usage: Usage | None) -> tuple[int, ...]:
    usage = usage or Usage()
    return tuple(
        getattr(usage, name) or 0
        for name in (
            "prompt_tokens",
            "completion_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
        )
    )


def check(before: Completion, there: Completion, back: Completion) -> None:
    assert said(back) == said(before)
    if before.finish_reason in SAID_ALIKE and before.refusal is None:
        assert there.finish_reason == back.finish_reason == before.finish_reason
    if before.finish_reason == "refusal":
        assert back.finish_reason in ("refusal", "content_filter")
    one, two, three = (
        [safe_id(call.id, "toolu_") for call in step.tool_calls] for step in (before, there, back)
    )
    assert one == two == three
    assert len(set(one)) == len(one)


@pytest.mark.parametrize(("api", "name"), STREAMS)
def test_a_stream_survives_the_way_through_the_other_language(api: str, name: str) -> None:
    events = parse(api, name)
    there = streamed(events, CHAT if api == FORMAT.name else FORMAT)
    back = streamed(there, get_format(api))
    check(*(accumulate(step) for step in (events, there, back)))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_survives_the_way_through_the_other_language(name: str) -> None:
    completion = FORMAT.parse_response(golden.read(FORMAT.name, f"{name}.json"), Dialect())
    there = CHAT.parse_response(CHAT.render_response(completion).body, Dialect())
    back = FORMAT.parse_response(FORMAT.render_response(there).body, Dialect())
    check(completion, there, back)


def test_a_history_survives_the_way_through_the_other_language() -> None:
    """But for what one of them can't say: errors of tools, and what is signed."""
    image = Media(kind="image", media_type="image/png", data="AAAA")
    pdf = Media(kind="file", media_type="application/pdf", data="JVBERi0=", name="a.pdf")
    request = ChatRequest(
        model="m",
        messages=(
            system("Be brief."),
            user("Look", image, pdf),
            Message(
                "assistant",
                (Text("ok"), ToolCall("a", "f", '{"n": 1.50}'), ToolCall("b", "g", "{}")),
            ),
            Message("tool", (ToolResult("b", (Text("two"),)), ToolResult("a", (Text("one"),)))),
            user("and?"),
        ),
        tools=(Tool("f", "Does f.", {"type": "object"}), Tool("g", None, {"type": "object"})),
        tool_choice=ToolChoice("required"),
        parallel_tool_calls=False,
        output=JsonSchema({"type": "object", "additionalProperties": False}),
        max_tokens=99,
        temperature=0.5,
        stop=("x",),
        user="u",
        stream=True,
    )
    there = CHAT.render_request(request, "m", Dialect())
    back = FORMAT.render_request(CHAT.parse_request(there.body), "m", Dialect())
    assert there.warnings == back.warnings == ()
    read = FORMAT.parse_request(back.body)
    assert replace(read, format=None, extra={}) == request
