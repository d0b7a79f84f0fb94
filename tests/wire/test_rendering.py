"""Answers written as chat completions: what can be said, and what is reported instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.errors import ProtocolError
from dragoman.types import (
    Completion,
    Dialect,
    Failure,
    Finish,
    FinishReason,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Unknown,
    Usage,
)
from dragoman.types.event import Event, PartDelta, PartStart, Start
from dragoman.wire import get_format
from dragoman.wire.openai_completions.stream import CompletionsParser
from dragoman.wire.whole import accumulate, events_of

FORMAT = get_format("openai-completions")
CUSTOM = Unknown(FORMAT.name, '{"id":"call_a","type":"custom","custom":{"name":"sh","input":"ls"}}')


def answer(*parts: Part, reason: FinishReason = "stop", **fields: Any) -> Completion:
    return Completion(id="1", model="m", parts=parts, finish_reason=reason, **fields)


def whole(completion: Completion) -> tuple[dict[str, Any], tuple[str, ...]]:
    rendered = FORMAT.render_response(completion)
    return json.loads(rendered.body), rendered.warnings


def streamed(completion: Completion) -> tuple[list[dict[str, Any]], list[str]]:
    renderer = FORMAT.stream_renderer("m")
    body = b"".join(renderer.render(event) for event in events_of(completion))
    frames = body.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]
    return [json.loads(frame.removeprefix(b"data: ")) for frame in frames], renderer.warnings


@pytest.mark.parametrize(
    ("reason", "parts", "word"),
    [
        ("stop", (Text("a"),), "stop"),
        ("length", (Text("a"),), "length"),
        ("tool_calls", (ToolCall("a", "f", "{}"),), "tool_calls"),
        ("content_filter", (), "content_filter"),
        ("refusal", (Refusal("No."),), "stop"),
        ("refusal", (), "content_filter"),
        ("pause", (Text("a"),), "stop"),
        ("error", (Text("a"),), "error"),
        ("other", (Text("a"),), "stop"),
    ],
)
def test_a_reason_is_said_alike_whole_and_streamed(
    reason: FinishReason, parts: tuple[Part, ...], word: str
) -> None:
    completion = answer(*parts, reason=reason)
    assert whole(completion)[0]["choices"][0]["finish_reason"] == word
    assert streamed(completion)[0][-1]["choices"][0]["finish_reason"] == word


@pytest.mark.parametrize(
    "part",
    [
        Unknown("anthropic-messages", '{"type":"web_search_tool_result"}'),
        Media(kind="audio", media_type="audio/wav", data="AAAA"),
    ],
)
def test_what_can_not_be_said_is_reported_once(part: Part) -> None:
    completion = answer(Text("a"), part, part)
    _, warnings = whole(completion)
    assert len(set(warnings)) == 1
    assert "left out" in warnings[0]
    assert streamed(completion)[1] == [warnings[0]]


def test_calls_of_custom_tools_are_said() -> None:
    body, warnings = whole(answer(CUSTOM, reason="tool_calls"))
    assert body["choices"][0]["message"]["tool_calls"] == [json.loads(CUSTOM.raw)]
    assert warnings == ()


def test_what_only_this_format_has_is_said_again() -> None:
    own = {"system_fingerprint": "fp", "annotations": [{"type": "x"}], "logprobs": {"content": []}}
    details = [{"type": "reasoning.encrypted", "data": "ZW5j"}]
    part = Reasoning("", {FORMAT.name: {"reasoning_details": details}})
    body, _ = whole(answer(part, Text("a"), meta={FORMAT.name: own}))
    message = body["choices"][0]["message"]
    assert body["system_fingerprint"] == "fp"
    assert message["annotations"] == [{"type": "x"}]
    assert message["reasoning_details"] == details
    assert body["choices"][0]["logprobs"] == {"content": []}


def test_a_cost_is_part_of_the_usage() -> None:
    usage = FORMAT.parse_response(
        b'{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1,"cost":0.00014}}',
        Dialect(),
    ).usage
    assert usage is not None
    body, _ = whole(answer(Text("a"), usage=usage))
    assert body["usage"]["cost"] == 0.00014


def test_log_probabilities_are_said_with_their_piece() -> None:
    renderer = FORMAT.stream_renderer("m")
    token = {"token": "a", "logprob": -0.5}
    events: list[Event] = [
        Start("1"),
        PartStart(0, Text("")),
        PartDelta(0, "text", "a", logprobs=(token,)),
        PartDelta(0, "text", "", {"anthropic-messages": {"citation": {}}}),
    ]
    frames = [renderer.render(event) for event in events]
    assert json.loads(frames[2].removeprefix(b"data: "))["choices"][0]["logprobs"] == {
        "content": [token],
        "refusal": None,
    }
    assert frames[1] == frames[3] == b""


@pytest.mark.parametrize(
    "completion",
    [
        answer(Reasoning("r"), Text("a"), ToolCall("c", "f", '{"x": 1}'), reason="tool_calls"),
        answer(Refusal("No."), usage=Usage(3, 2, 1, 1, None, 2)),
        answer(Text("a"), Media(kind="image", media_type="image/png", data="AAAA")),
        answer(ToolCall("c", "f", "{}", {FORMAT.name: {"extra_content": {"google": {"s": 1}}}}),
               reason="tool_calls"),
        answer(CUSTOM, reason="tool_calls"),
    ],
)  # fmt: skip
def test_an_answer_survives_being_written_and_read(completion: Completion) -> None:
    def same(read: Completion) -> bool:
        ours, theirs = completion.usage or Usage(), read.usage or Usage()
        return (read.parts, read.finish_reason, theirs.total_tokens) == (
            completion.parts,
            completion.finish_reason,
            ours.total_tokens,
        )

    assert same(FORMAT.parse_response(FORMAT.render_response(completion).body, Dialect()))
    renderer, parser = FORMAT.stream_renderer("m"), FORMAT.stream_parser(Dialect())
    body = b"".join(renderer.render(event) for event in events_of(completion))
    events = parser.feed(body) + parser.close()
    assert isinstance(events[-1], Finish)
    assert same(accumulate(events))


@pytest.mark.parametrize(
    "body", [b'{"choices": [1', b"data: {" + b"x" * 200, b"data: a\ndata: b\n" * 60]
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_too_long_is_refused(body: bytes, size: int) -> None:
    body += b" " * 100
    parser = CompletionsParser(Dialect(), max_event_bytes=100)
    events = [
        event for at in range(0, len(body), size) for event in parser.feed(body[at : at + size])
    ]
    assert len(events) == 1
    assert isinstance(events[0], Failure)
    assert isinstance(events[0].error, ProtocolError)
    assert events[0].error.code in ("event_too_long", "body_too_long")
    assert parser.close() == []
