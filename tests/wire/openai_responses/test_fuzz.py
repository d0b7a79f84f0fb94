"""Damaged and invented answers: nothing raises, nothing hangs, and every stream ends once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.errors import DragomanError, ProtocolError, UpstreamError
from dragoman.types import Dialect, Finish
from dragoman.types.event import Event, Failure
from dragoman.wire.bridge import Events, Relay, Translate
from dragoman.wire.whole import accumulate
from tests.wire import golden
from tests.wire.openai_responses.judge import FORMAT, frames, reread
from tests.wire.openai_responses.test_sdk import check_sequence
from tests.wire.test_conformance import check_grammar
from tests.wire.test_fuzz import damaged

BODIES = [golden.read(FORMAT.name, f"{n}.sse") for n in golden.names(FORMAT.name, ".sse")]
WHOLE = [golden.read(FORMAT.name, f"{n}.json") for n in golden.names(FORMAT.name, ".json")]
KINDS = sorted(
    {
        json.loads(line.removeprefix(b"data: ")).get("type")
        for name in ("openai-text", "reasoning-summary-in-sections", "reasoning-in-full",
                     "custom-tool-call", "tool-call", "refusal", "annotations")
        for line in golden.read(FORMAT.name, f"{name}.sse").splitlines()
        if line.startswith(b"data: {")
    }
)  # fmt: skip
ITEMS = ["message", "reasoning", "function_call", "custom_tool_call", "image_generation_call",
         "web_search_call", "output_text", "refusal", "function_call_output"]  # fmt: skip

LEAF = st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.text(max_size=6)
FIELDS = ["id", "content", "text", "call_id", "name", "arguments", "input", "summary", "result",
          "encrypted_content", "namespace", "refusal", "annotations", "logprobs", "phase", "role",
          "output", "image_url", "status", "usage", "error", "model", "created_at", "reason",
          "incomplete_details", "input_tokens", "output_tokens", "code", "message"]  # fmt: skip
JSON = st.recursive(
    LEAF | st.sampled_from(["fc_1", "msg_1", "rs_1", "completed", "incomplete", "failed"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(
            lambda kind, fields: {"type": kind, **fields},
            st.sampled_from(ITEMS),
            st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
        )
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)
    ),
    max_leaves=12,
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from([*KINDS, "error", "response.completed", "response.failed"])
            | LEAF
        },
        optional={
            "delta": st.text(max_size=4) | JSON,
            "item": JSON,
            "response": JSON,
            "output_index": st.integers(0, 2) | LEAF,
            "item_id": st.sampled_from(["fc_1", "msg_1", "rs_1"]) | LEAF,
            "content_index": st.integers(0, 1) | JSON,
            "summary_index": st.integers(0, 1) | JSON,
            "annotation": JSON,
            "logprobs": JSON,
            "error": JSON,
        },
    ),
    min_size=1,
    max_size=7,
)
STREAMS = EVENTS.map(
    lambda told: b"".join(b"data: " + json.dumps(data).encode() + b"\n\n" for data in told)
)
CUTS = st.lists(st.integers(0, 3000), max_size=10)
DIALECTS = st.sampled_from([Dialect(), Dialect(usage_excludes_reasoning=True)])


def check_stream(body: bytes, cuts: list[int], spoken: Dialect) -> None:
    parser = FORMAT.stream_parser(spoken)
    whole = parser.feed(body) + parser.close()
    check_grammar(whole)
    events: list[Event] = []
    parser = FORMAT.stream_parser(spoken)
    at = 0
    for cut in [*sorted(cuts), len(body)]:
        events += parser.feed(body[at:cut])
        at = max(at, min(cut, len(body)))
    events += parser.close()
    assert [golden.shown(event) for event in events] == [golden.shown(event) for event in whole]
    accumulate(events)


def check_rendering(body: bytes) -> None:
    """What is made of any answer is a full sequence, and means the same when it is read back."""
    parser = FORMAT.stream_parser(Dialect())
    events = parser.feed(body) + parser.close()
    renderer = FORMAT.stream_renderer("m")
    written = b"".join(renderer.render(event) for event in events)
    check_sequence(frames(written))
    read = reread(written)
    check_grammar(read)
    if not isinstance(events[-1], Finish):
        assert isinstance(read[-1], Failure)
        return
    before, after = accumulate(events), accumulate(read)
    assert (after.text, after.reasoning, after.refusal) == (
        before.text,
        before.reasoning,
        before.refusal,
    )
    assert [(c.id, c.name, c.arguments) for c in after.tool_calls] == [
        (c.id, c.name, c.arguments) for c in before.tool_calls
    ]


@given(damaged(BODIES), CUTS, DIALECTS)
def test_a_damaged_stream_ends_once_however_it_is_cut(
    body: bytes, cuts: list[int], spoken: Dialect
) -> None:
    check_stream(body, cuts, spoken)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(STREAMS, CUTS, DIALECTS)
def test_events_of_any_shape_end_once_and_are_read_back_the_same(
    body: bytes, cuts: list[int], spoken: Dialect
) -> None:
    check_stream(body, cuts, spoken)
    end = b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n'
    check_rendering(body + end)


@given(damaged(BODIES))
def test_what_is_rendered_from_a_damaged_stream_is_read_back_the_same(body: bytes) -> None:
    check_rendering(body)


@given(damaged(WHOLE) | JSON.map(lambda value: json.dumps(value).encode()), DIALECTS)
def test_a_whole_answer_is_read_or_refused(body: bytes, spoken: Dialect) -> None:
    try:
        completion = FORMAT.parse_response(body, spoken)
    except (UpstreamError, ProtocolError):
        return
    FORMAT.render_response(completion)


@given(
    JSON
    | st.fixed_dictionaries(
        {"model": st.just("m"), "input": JSON | st.lists(JSON, max_size=4)},
        optional={"tools": JSON, "tool_choice": JSON, "text": JSON, "reasoning": JSON},
    ),
    DIALECTS,
)
def test_a_request_is_read_or_refused_and_then_written(value: Any, spoken: Dialect) -> None:
    try:
        request = FORMAT.parse_request(json.dumps(value).encode())
        FORMAT.render_request(request, "m", spoken)
    except DragomanError as error:
        assert error.status == 400  # noqa: PT017 - either way is fine


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"output":' * 200_000, b'data: {"response":' + b"[" * 99_999],
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
    bridges = [
        Relay(FORMAT, Dialect(), "m"),
        Translate(FORMAT, Dialect(), FORMAT.stream_renderer("m")),
        Events(FORMAT, Dialect()),
    ]
    for bridge in bridges:
        at = 0
        for cut in [*sorted(cuts), len(body)]:
            bridge.feed(body[at:cut])
            at = max(at, min(cut, len(body)))
        bridge.close()
        assert (bridge.finish is None) != (bridge.failure is None)
