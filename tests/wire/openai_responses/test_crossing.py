"""Answers on their way from one format to another and back: what stays, and under which name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.types import (
    Completion,
    Dialect,
    Finish,
    Media,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Unknown,
    Usage,
)
from dragoman.types.event import Event, PartDelta, PartEnd, PartStart, Start
from dragoman.wire import get_format
from dragoman.wire.bridge import Translate
from dragoman.wire.seal import seal
from dragoman.wire.whole import accumulate, events_of
from tests.wire import golden
from tests.wire.openai_responses.judge import FORMAT, frames, parse, rendered, reread
from tests.wire.openai_responses.test_requests import NAMED
from tests.wire.openai_responses.test_requests import parse as parse_request
from tests.wire.openai_responses.test_sdk import check_sequence

OTHERS = ("openai-completions", "anthropic-messages")
CASES = [(api, name) for api in (FORMAT.name, *OTHERS) for name in golden.names(api, ".sse")]
WHOLE = [
    (api, name)
    for api, name in CASES
    if isinstance(end := parse(api, name)[-1], Finish) and end.reason != "error"
]


def through(api: str, events: list[Event]) -> list[Event]:
    """Write events in a format, and read them back."""
    renderer = get_format(api).stream_renderer("m")
    body = b"".join(renderer.render(event) for event in events)
    return golden.run(get_format(api).stream_parser(Dialect()), body, 1 << 30)


def meaning(completion: Completion) -> dict[str, Any]:
    """What of an answer every format can say."""
    usage = completion.usage or Usage()
    return {
        "text": completion.text,
        "reasoning": completion.reasoning,
        "refusal": completion.refusal or "",
        "calls": [(call.id, call.name, call.arguments) for call in completion.tool_calls],
        "usage": (
            usage.prompt_tokens or 0,
            usage.completion_tokens or 0,
            usage.cache_read_tokens or 0,
            usage.reasoning_tokens or 0,
        ),
    }


@pytest.mark.parametrize(("api", "name"), WHOLE)
def test_an_answer_of_any_format_means_the_same_here(api: str, name: str) -> None:
    events = parse(api, name)
    before, after = accumulate(events), accumulate(through(FORMAT.name, events))
    assert meaning(after) == meaning(before)
    assert after.finish_reason == _reason(before)


def _reason(completion: Completion) -> str:
    """How an answer ended, as this format can say it."""
    reason = completion.finish_reason
    if reason == "refusal" and completion.refusal is None:
        return "content_filter"
    if reason in ("length", "content_filter"):
        return reason
    if reason == "other" and completion.raw_finish_reason in ("steered", "incomplete"):
        return reason
    if reason == "pause":
        return "other"  # incomplete, and there is no word for why
    if completion.tool_calls:
        return "tool_calls"
    return "stop" if completion.refusal is None else "refusal"


LATE_IDS = {
    "deltas-without-any-place",
    "item-ids-change-in-every-event",
    "one-id-for-a-call-and-a-message",
    "wrong-types",
}
"""Cases whose items say their ids too late, or one for two: they get ids of ours."""


@pytest.mark.parametrize(
    "name", [name for api, name in WHOLE if api == FORMAT.name and name not in LATE_IDS]
)
def test_an_answer_written_anew_in_its_own_format_keeps_everything(name: str) -> None:
    before = accumulate(parse(FORMAT.name, name))
    after = accumulate(through(FORMAT.name, parse(FORMAT.name, name)))
    assert after.parts == before.parts
    assert after.meta == before.meta
    assert (after.finish_reason, after.id) == (before.finish_reason, before.id or "resp_0")
    whole = FORMAT.parse_response(FORMAT.render_response(before).body, Dialect())
    assert whole.parts == before.parts


@pytest.mark.parametrize("name", [name for api, name in WHOLE if api == FORMAT.name])
def test_there_and_back_through_chat_completions(name: str) -> None:
    before = parse(FORMAT.name, name)
    after = through(FORMAT.name, through("openai-completions", before))
    said = meaning(accumulate(after))
    assert said == meaning(accumulate(before))


@pytest.mark.parametrize("name", [name for api, name in WHOLE if api == "openai-completions"])
def test_chat_completions_go_there_and_back(name: str) -> None:
    before = parse("openai-completions", name)
    after = through("openai-completions", through(FORMAT.name, before))
    assert meaning(accumulate(after)) == meaning(accumulate(before))


def answered(*parts: Any, reason: Any = "stop", raw: str | None = None) -> dict[str, Any]:
    """Write a whole answer and read it as JSON."""
    completion = Completion(parts=parts, finish_reason=reason, raw_finish_reason=raw, id="x")
    body: dict[str, Any] = json.loads(FORMAT.render_response(completion).body)
    check_sequence(frames(rendered(events_of(completion))))
    return body


def test_tools_are_called_as_the_client_named_them() -> None:
    request = parse_request(NAMED["codex"])
    calls = (
        ToolCall("c1", "mcp__git__log", '{"n":1}'),
        ToolCall("c2", "apply_patch", '{"input":"*** Begin \\"x\\""}'),
        ToolCall("c3", "mcp__git__run", '{"input":"ls"}'),
        ToolCall("c4", "shell", '{"cmd":"ls"}'),
        ToolCall("c5", "apply_patch", "no json"),
    )
    completion = Completion(parts=calls, finish_reason="tool_calls", id="x")
    output = json.loads(FORMAT.render_response(completion, request).body)["output"]
    assert [
        (
            item["type"],
            item.get("namespace"),
            item["name"],
            item.get("input", item.get("arguments")),
        )
        for item in output
    ] == [
        ("function_call", "mcp__git", "log", '{"n":1}'),
        ("custom_tool_call", None, "apply_patch", '*** Begin "x"'),
        ("custom_tool_call", "mcp__git", "run", "ls"),
        ("function_call", None, "shell", '{"cmd":"ls"}'),
        ("custom_tool_call", None, "apply_patch", "no json"),
    ]
    streamed = frames(rendered(events_of(completion), request))
    check_sequence(streamed)
    told = streamed[-1]["response"]["output"]
    assert told == output
    assert [item["id"].partition("_")[0] for item in output] == ["fc", "ctc", "ctc", "fc", "ctc"]


def test_an_answer_repeats_its_request() -> None:
    request = parse_request(NAMED["codex"])
    body = json.loads(
        FORMAT.render_response(Completion(parts=(), finish_reason="stop"), request).body
    )
    assert body["instructions"] == "You are Codex."
    assert [tool["type"] for tool in body["tools"]] == [
        "function", "custom", "namespace", "web_search",
    ]  # fmt: skip
    assert body["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert body["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert (body["store"], body["tool_choice"], body["prompt_cache_key"]) == (False, "auto", "0199")
    bare = answered()
    assert (bare["tools"], bare["tool_choice"], bare["parallel_tool_calls"]) == ([], "auto", True)


@pytest.mark.parametrize(
    ("reason", "raw", "status", "why"),
    [
        ("stop", "end_turn", "completed", None),
        ("tool_calls", "tool_use", "completed", None),
        ("length", "max_tokens", "incomplete", "max_output_tokens"),
        ("content_filter", "safety", "incomplete", "content_filter"),
        ("refusal", "refusal", "incomplete", "content_filter"),
        ("other", "steered", "incomplete", "steered"),
        ("other", "whatever", "completed", None),
        ("pause", "pause_turn", "incomplete", None),
    ],
)
def test_how_an_answer_ended_is_said_in_this_formats_words(
    reason: Any, raw: str, status: str, why: str | None
) -> None:
    body = answered(Text("Hi"), reason=reason, raw=raw)
    assert body["status"] == status
    assert (body["incomplete_details"] or {}).get("reason") == why
    assert body["output"][0]["status"] == status


def test_a_pause_is_reported() -> None:
    completion = Completion(parts=(Text("Hi"),), finish_reason="pause")
    assert FORMAT.render_response(completion).warnings == (
        "the provider paused its turn: the answer is not at its end",
    )


def test_a_refusal_with_words_is_complete() -> None:
    body = answered(Refusal("I won't."), reason="refusal")
    assert (body["status"], body["incomplete_details"]) == ("completed", None)
    assert body["output"][0]["content"] == [{"type": "refusal", "refusal": "I won't."}]


def test_an_error_as_the_end_is_a_failure() -> None:
    body = answered(Text("Hi"), reason="error", raw="insufficient_system_resource")
    assert body["status"] == "failed"
    assert "insufficient_system_resource" in body["error"]["message"]
    assert body["output"][0]["status"] == "in_progress"


def test_foreign_thoughts_are_sealed_for_the_way_home() -> None:
    meta = {"anthropic-messages": {"signature": "sig"}}
    output = answered(Reasoning("I think.", meta), Reasoning("", meta), Reasoning("So."))["output"]
    assert [item["encrypted_content"] for item in output] == [
        seal(Reasoning("", meta)),
        seal(Reasoning("", meta)),
        seal(Reasoning("")),
    ]
    assert [item["summary"] for item in output] == [
        [{"type": "summary_text", "text": "I think."}],
        [],
        [{"type": "summary_text", "text": "So."}],
    ]
    for item in output:  # which makes the body one that is not relayed
        request = parse_request({"model": "m", "input": [item]})
        assert request.messages[0].parts[0].meta in (meta, None)


def test_a_picture_from_elsewhere_is_an_image_that_was_made() -> None:
    picture = Media(kind="image", media_type="image/png", data="iVBORw0KGgo=")
    (item,) = answered(picture)["output"]
    assert (item["type"], item["result"]) == ("image_generation_call", "iVBORw0KGgo=")


def test_what_cannot_be_said_is_left_out_and_reported() -> None:
    parts = (
        Unknown("anthropic-messages", '{"type":"server_tool_use"}'),
        Media(kind="image", url="https://example.com/a.png"),
        Text("Hi"),
    )
    rendered_whole = FORMAT.render_response(Completion(parts=parts, finish_reason="stop"))
    assert len(json.loads(rendered_whole.body)["output"]) == 1
    assert rendered_whole.warnings == (
        "a block that only anthropic-messages knows cannot be said in OpenAI Responses: left out",
        "a part of kind image cannot be said in OpenAI Responses: left out",
    )


def test_texts_of_a_turn_are_one_message_unless_something_comes_between() -> None:
    output = answered(Text("a"), Text("b"), ToolCall("c", "f", "{}"), Text("d"))["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "message"]
    assert [part["text"] for part in output[0]["content"]] == ["a", "b"]
    assert len({item["id"] for item in output}) == 3


def test_calls_that_come_interleaved_keep_their_places() -> None:
    events: list[Event] = [
        Start("x"),
        PartStart(0, ToolCall("a", "f")),
        PartStart(1, ToolCall("b", "g")),
        PartDelta(1, "tool_call", "{"),
        PartDelta(0, "tool_call", '{"x":1}'),
        PartDelta(1, "tool_call", "}"),
        PartEnd(1, ToolCall("b", "g", "{}")),
        PartEnd(0, ToolCall("a", "f", '{"x":1}')),
        Finish("tool_calls", usage=Usage(7, 3)),
    ]
    told = frames(rendered(events))
    check_sequence(told)
    output = told[-1]["response"]["output"]
    assert [item["arguments"] for item in output] == ['{"x":1}', "{}"]


def test_a_stream_of_another_format_is_translated_as_it_comes() -> None:
    """Chunk by chunk: nothing waits for the end, and the id that was missing is filled in."""
    body = golden.read("openai-completions", "openai-text.sse")
    renderer = FORMAT.stream_renderer("asked")
    bridge = Translate(
        get_format("openai-completions"), Dialect(), renderer, id="resp_ours", created=1760000000
    )
    outs = [b"".join(bridge.feed(body[at : at + 40])) for at in range(0, len(body), 40)]
    outs.append(b"".join(bridge.close()))
    told = frames(b"".join(outs))
    check_sequence(told)
    first = next(n for n, out in enumerate(outs) if b"response.output_text.delta" in out)
    assert first < len(outs) - 3
    assert told[0]["response"]["model"] == "asked"
    assert told[0]["response"]["id"]
    assert reread(b"".join(outs))[-1].reason == "stop"  # type: ignore[union-attr]
