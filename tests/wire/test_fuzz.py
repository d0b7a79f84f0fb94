"""Damaged and invented answers: nothing raises, nothing hangs, and every stream ends once."""

from __future__ import annotations

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
from tests.wire.test_conformance import check_grammar

FORMAT = get_format("openai-completions")
BODIES = [golden.read(FORMAT.name, f"{n}.sse") for n in golden.names(FORMAT.name, ".sse")]
WHOLE = [golden.read(FORMAT.name, f"{n}.json") for n in golden.names(FORMAT.name, ".json")]
DIALECTS = st.sampled_from([Dialect(), Dialect(think_tags=True), Dialect(think_tags="open")])
PIECES = [b"", b"\n", b"\r", b"\n\n", b"data: ", b"[DONE]", b"null", b"{}", b"[", b'"', b"\\ud83d",
          b"\xff", b"<", b"event: error\n", b"-1", b"1e999", b'"index":1', b":"]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """Take a body, and cut, insert, repeat or drop a few pieces."""
    body = bytearray(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        end = min(len(body), at + draw(st.integers(0, 40)))
        body[at:end] = draw(st.sampled_from([*PIECES, bytes(body[at:end]) * 2]))
    return bytes(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "choices", "delta", "message", "content", "tool_calls", "index", "function",
             "arguments", "name", "usage", "prompt_tokens", "completion_tokens", "error", "code",
             "finish_reason", "reasoning", "reasoning_details", "type", "text", "logprobs",
             "created", "audio", "images", "image_url", "url", "detail", "timings", "custom",
             "prompt_tokens_details", "cached_tokens", "cost", "status", "annotations"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip
CHUNKS = st.lists(JSON, min_size=1, max_size=6).map(
    lambda chunks: b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
)


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


@given(damaged(BODIES), st.lists(st.integers(0, 2000), max_size=12), DIALECTS)
def test_a_damaged_stream_ends_once_however_it_is_cut(
    body: bytes, cuts: list[int], spoken: Dialect
) -> None:
    check_stream(body, cuts, spoken)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(CHUNKS, st.lists(st.integers(0, 2000), max_size=12), DIALECTS)
def test_chunks_of_any_shape_end_once(body: bytes, cuts: list[int], spoken: Dialect) -> None:
    check_stream(body, cuts, spoken)
    check_stream(body + b"data: [DONE]\n\n", cuts, spoken)


@given(damaged(WHOLE) | JSON.map(lambda value: json.dumps(value).encode()), DIALECTS)
def test_a_whole_answer_is_read_or_refused(body: bytes, spoken: Dialect) -> None:
    try:
        completion = FORMAT.parse_response(body, spoken)
    except (UpstreamError, ProtocolError):
        return
    FORMAT.render_response(completion)


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "date", "x-request-id", "location"]),
        st.text(max_size=40) | st.sampled_from(["Wed, 21 Oct 2026 07:28:00 GMT", "1e400", "-1"]),
    ),
    st.binary(max_size=60) | damaged(WHOLE) | JSON.map(lambda value: json.dumps(value).encode()),
)
def test_an_error_is_always_classified(status: int, headers: dict[str, str], body: bytes) -> None:
    error = FORMAT.parse_error(status, headers, body)
    assert isinstance(error, UpstreamError)
    assert error.upstream_status == status
    assert "\n" not in error.message
    assert error.raw is not None
    assert len(error.raw) <= 4096
    assert error.retry_after is None or error.retry_after >= 0
    FORMAT.render_error(error)


@given(JSON | st.fixed_dictionaries({"model": st.just("m"), "messages": JSON}), DIALECTS)
def test_a_request_is_read_or_refused_and_then_written(value: Any, spoken: Dialect) -> None:
    try:
        request = FORMAT.parse_request(json.dumps(value).encode())
        FORMAT.render_request(request, "m", spoken)
    except DragomanError as error:
        assert error.status == 400  # noqa: PT017 - either way is fine


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


@given(damaged(BODIES), st.lists(st.integers(0, 2000), max_size=12))
def test_bridges_never_raise_and_end_once(body: bytes, cuts: list[int]) -> None:
    bridges = [
        Relay(FORMAT, Dialect(), "m"),
        Relay(FORMAT, Dialect(), "m", drop_usage=True),
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


@given(damaged(BODIES))
def test_what_is_rendered_from_any_answer_is_read_back_the_same(body: bytes) -> None:
    parser = FORMAT.stream_parser(Dialect())
    events = parser.feed(body) + parser.close()
    renderer = FORMAT.stream_renderer("m")
    written = b"".join(renderer.render(event) for event in events)
    again = FORMAT.stream_parser(Dialect())
    read = again.feed(written) + again.close()
    check_grammar(read)
    if isinstance(events[-1], Finish):
        before, after = accumulate(events), accumulate(read)
        assert isinstance(read[-1], Finish)
        assert (after.text, after.reasoning, after.refusal) == (
            before.text,
            before.reasoning,
            before.refusal,
        )
        assert after.tool_calls == before.tool_calls
    else:
        assert isinstance(read[-1], Failure)
