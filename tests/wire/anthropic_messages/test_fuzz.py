"""Damaged and invented answers: nothing raises, nothing hangs, and every stream ends once."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.errors import DragomanError, ProtocolError, UpstreamError
from dragoman.types import Dialect
from dragoman.types.event import Event, Failure, Finish
from dragoman.wire import get_format
from dragoman.wire.bridge import Events, Relay, Translate
from dragoman.wire.whole import accumulate
from tests.wire import golden
from tests.wire.anthropic_messages.judge import FORMAT
from tests.wire.test_conformance import check_grammar
from tests.wire.test_fuzz import damaged

CHAT = get_format("openai-completions")
BODIES = [golden.read(FORMAT.name, f"{n}.sse") for n in golden.names(FORMAT.name, ".sse")]
WHOLE = [golden.read(FORMAT.name, f"{n}.json") for n in golden.names(FORMAT.name, ".json")]
KINDS = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop",
     "message_delta", "message_stop", "ping", "error", "text", "thinking", "redacted_thinking",
     "tool_use", "server_tool_use", "tool_result", "image", "document", "text_delta",
     "thinking_delta", "signature_delta", "citations_delta", "input_json_delta", "base64", "url",
     "end_turn", "tool_use", "refusal", "max_tokens"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KINDS
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["type", "message", "content", "content_block", "delta", "index", "text", "thinking",
             "signature", "data", "id", "name", "input", "partial_json", "citation", "citations",
             "usage", "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation",
             "cache_creation_input_tokens", "stop_reason", "stop_sequence", "stop_details", "error",
             "source", "model", "title", "url", "media_type", "tool_use_id", "is_error", "details"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip
EVENTS = st.builds(
    lambda kind, fields: {**fields, "type": kind} if isinstance(fields, dict) else fields,
    KINDS,
    JSON,
)
STREAMS = st.lists(EVENTS, min_size=1, max_size=8).map(
    lambda frames: b"".join(b"data: " + json.dumps(data).encode() + b"\n\n" for data in frames)
)
CUTS = st.lists(st.integers(0, 2000), max_size=12)


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    ends = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[at:end] for at, end in itertools.pairwise(ends)]


def check_stream(body: bytes, cuts: list[int]) -> list[Event]:
    parser = FORMAT.stream_parser(Dialect())
    whole = parser.feed(body) + parser.close()
    check_grammar(whole)
    parser = FORMAT.stream_parser(Dialect())
    events = [event for piece in pieces(body, cuts) for event in parser.feed(piece)]
    events += parser.close()
    assert [golden.shown(event) for event in events] == [golden.shown(event) for event in whole]
    return whole


def check_rendered(events: list[Event]) -> None:
    """Write events in both languages, and read them back."""
    for form in (FORMAT, CHAT):
        renderer = form.stream_renderer("m")
        written = b"".join(renderer.render(event) for event in events)
        parser = form.stream_parser(Dialect())
        read = parser.feed(written) + parser.close()
        check_grammar(read)
        end = events[-1]
        assert isinstance(read[-1], Failure) == (isinstance(end, Failure) or end.reason == "error")
    before, after = accumulate(events), accumulate(read)
    if isinstance(events[-1], Finish):
        assert after.text == before.text


@given(damaged(BODIES), CUTS)
def test_a_damaged_stream_ends_once_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    check_rendered(check_stream(body, cuts))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(STREAMS, CUTS)
def test_frames_of_any_shape_end_once(body: bytes, cuts: list[int]) -> None:
    check_rendered(check_stream(body, cuts))
    check_rendered(check_stream(body + b'data: {"type":"message_stop"}\n\n', cuts))


@given(damaged(WHOLE) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_whole_answer_is_read_or_refused(body: bytes) -> None:
    try:
        completion = FORMAT.parse_response(body, Dialect())
    except (UpstreamError, ProtocolError):
        return
    again = FORMAT.parse_response(FORMAT.render_response(completion).body, Dialect())
    assert again.text == completion.text
    CHAT.render_response(completion)


@given(st.integers(100, 599), damaged(WHOLE) | JSON.map(lambda value: json.dumps(value).encode()))
def test_an_error_is_always_classified(status: int, body: bytes) -> None:
    error = FORMAT.parse_error(status, {}, body)
    assert isinstance(error, UpstreamError)
    assert "\n" not in error.message
    FORMAT.render_error(error)


@given(
    JSON
    | st.fixed_dictionaries(
        {"model": st.just("m"), "max_tokens": st.just(9), "messages": st.lists(JSON, min_size=1)},
        optional={
            "system": JSON,
            "tools": JSON,
            "tool_choice": JSON,
            "thinking": JSON,
            "output_config": JSON,
            "metadata": JSON,
            "thread": JSON,
        },
    )
)
def test_a_request_is_read_or_refused_and_then_written(value: Any) -> None:
    try:
        request = FORMAT.parse_request(json.dumps(value).encode())
        FORMAT.render_request(request, "m", Dialect())
        CHAT.render_request(request, "m", Dialect())
    except DragomanError as error:
        assert error.status == 400  # noqa: PT017 - either way is fine


BLOCKS = st.fixed_dictionaries({"type": KINDS}, optional={
    "text": LEAVES, "thinking": LEAVES, "signature": LEAVES, "data": LEAVES, "id": LEAVES,
    "name": LEAVES, "input": JSON, "tool_use_id": LEAVES, "content": JSON, "source": JSON,
    "is_error": LEAVES, "title": LEAVES, "cache_control": JSON,
})  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(["user", "assistant", "system"]), st.lists(BLOCKS, max_size=3)),
        max_size=3,
    )
)
def test_messages_of_any_blocks_are_read_or_refused(said: list[Any]) -> None:
    messages = [{"role": role, "content": blocks} for role, blocks in said]
    test_a_request_is_read_or_refused_and_then_written.hypothesis.inner_test(  # type: ignore[attr-defined]
        {"model": "m", "max_tokens": 9, "messages": messages}
    )


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"a":' * 200_000, b'data: {"a":' + b"[" * 99_999]
)
def test_deep_nesting_is_an_error_and_no_crash(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        FORMAT.parse_response(body, Dialect())
    with pytest.raises(DragomanError):
        FORMAT.parse_request(body)
    assert FORMAT.parse_error(500, {}, body).upstream_status == 500
    parser = FORMAT.stream_parser(Dialect())
    assert isinstance((parser.feed(body) + parser.close())[-1], Failure)


@given(damaged(BODIES), CUTS)
def test_bridges_never_raise_and_end_once(body: bytes, cuts: list[int]) -> None:
    for bridge in (
        Relay(FORMAT, Dialect(), "m"),
        Translate(FORMAT, Dialect(), FORMAT.stream_renderer("m")),
        Translate(FORMAT, Dialect(), CHAT.stream_renderer("m")),
        Events(FORMAT, Dialect()),
    ):
        for piece in pieces(body, cuts):
            bridge.feed(piece)
        bridge.close()
        assert (bridge.finish is None) != (bridge.failure is None)


@given(damaged([golden.read(CHAT.name, f"{n}.sse") for n in golden.names(CHAT.name, ".sse")]))
def test_any_chat_stream_is_written_in_this_language(body: bytes) -> None:
    parser = CHAT.stream_parser(Dialect())
    events = parser.feed(body) + parser.close()
    renderer = FORMAT.stream_renderer("m")
    written = b"".join(renderer.render(event) for event in events)
    again = FORMAT.stream_parser(Dialect())
    read = again.feed(written) + again.close()
    check_grammar(read)
    before, after = accumulate(events), accumulate(read)
    if isinstance(events[-1], Finish) and events[-1].reason != "error":
        assert isinstance(read[-1], Finish)
        assert after.text == before.text + (before.refusal or "")
        assert after.reasoning == before.reasoning
        assert [call.name for call in after.tool_calls] == [c.name for c in before.tool_calls]
    else:
        assert isinstance(read[-1], Failure)
