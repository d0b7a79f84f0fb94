"""Bridges: what goes to the client, and what the meter knows."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConnectionLost, ProtocolError, ServerError, StreamTruncated, Timeout
from dragoman.types import Dialect, Usage
from dragoman.types.event import Failure, Finish, PartDelta, PartStart, Start
from dragoman.types.message import Text
from dragoman.wire import get_format
from dragoman.wire.bridge import Events, Relay, Translate
from dragoman.wire.whole import accumulate
from tests.wire import golden

FORMAT = get_format("openai-completions")


def frame(**chunk: object) -> bytes:
    return b"data: " + json.dumps({"id": "chatcmpl-1", "model": "m-1", **chunk}).encode() + b"\n\n"


def delta(**fields: object) -> bytes:
    return frame(choices=[{"index": 0, "delta": fields, "finish_reason": None}])


ROLE = delta(role="assistant", content="")
HELLO = delta(content="Hello")
STOP = frame(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
USAGE = frame(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"key sk-abcdefghijklmnop is burnt","type":"server_error"}}\n\n'


def relay(**options: bool) -> Relay:
    return Relay(FORMAT, Dialect(), "m", **options)


def joined(*outs: Iterable[bytes]) -> bytes:
    return b"".join(chunk for out in outs for chunk in out)


STREAMS = [
    name
    for name in golden.names(FORMAT.name, ".sse")
    if golden.read(FORMAT.name, f"{name}.sse").lstrip()[:1] != b"{"
]
DOCUMENTS = sorted(set(golden.names(FORMAT.name, ".sse")) - set(STREAMS))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_relay_tells_a_document_as_a_stream(name: str) -> None:
    body = golden.read(FORMAT.name, f"{name}.sse")
    for size in (1, 50, 1 << 30):
        bridge = relay()
        out = [joined(bridge.feed(body[at : at + size])) for at in range(0, len(body), size)]
        sent = joined(out, bridge.close())
        assert sent.startswith(b"data: ")
        told = FORMAT.stream_parser(Dialect())
        events = told.feed(sent) + told.close()
        if bridge.failure is None:
            whole = FORMAT.parse_response(body, Dialect())
            assert accumulate(events).parts == whole.parts
        else:
            assert isinstance(events[-1], Failure)


@pytest.mark.parametrize("name", STREAMS)
def test_a_relay_lets_every_byte_of_a_whole_answer_through(name: str) -> None:
    body = golden.read(FORMAT.name, f"{name}.sse")
    spoken = golden.dialect(golden.expected(FORMAT.name, f"{name}.events.json"))
    for size in (1, 50, 1 << 30):
        bridge = Relay(FORMAT, spoken, "m")
        out = [joined(bridge.feed(body[at : at + size])) for at in range(0, len(body), size)]
        sent = joined(out, bridge.close())
        if bridge.failure is None:
            assert sent == body, f"in chunks of {size}"
        else:
            before, _, error = sent.rpartition(b"data: ")
            assert body.startswith(before), f"in chunks of {size}"
            assert "error" in json.loads(error)


@pytest.mark.parametrize(
    "content",
    [
        {"content": "x"},
        {"reasoning_content": "x"},
        {"refusal": "x"},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]},
        {"images": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
    ],
)
@pytest.mark.parametrize("kind", ["relay", "translate", "events"])
def test_content_commits_and_nothing_before_it_does(kind: str, content: dict[str, object]) -> None:
    bridge = {
        "relay": relay(),
        "translate": Translate(FORMAT, Dialect(), FORMAT.stream_renderer("m")),
        "events": Events(FORMAT, Dialect()),
    }[kind]
    for before in (b": ping\n\n", b"data: ", ROLE[6:], delta(content=None), USAGE):
        bridge.feed(before)
        assert not bridge.committed
    chunk = delta(**content)
    bridge.feed(chunk[:-1])
    assert not bridge.committed
    bridge.feed(chunk[-1:])
    assert bridge.committed
    assert (bridge.id, bridge.model) == ("chatcmpl-1", "m-1")


def test_a_delta_without_text_commits_nothing() -> None:
    """A citation is no content: another attempt may still answer instead."""
    messages = get_format("anthropic-messages")
    bridge = Events(messages, Dialect())
    block = {"type": "text", "text": ""}
    citation = {"type": "citations_delta", "citation": {"type": "char_location"}}
    for event, fields in (
        ("message_start", {"message": {"id": "1", "model": "m"}}),
        ("content_block_start", {"index": 0, "content_block": block}),
        ("content_block_delta", {"index": 0, "delta": citation}),
    ):
        data = json.dumps({"type": event, **fields})
        bridge.feed(f"event: {event}\ndata: {data}\n\n".encode())
    assert bridge.frames == 3
    assert not bridge.committed


@pytest.mark.parametrize("pieces", [1, 4, 250])
@pytest.mark.parametrize("text", ["word " * 200, "\u6211" * 1000], ids=["ascii", "chinese"])
@pytest.mark.parametrize("name", ["openai-completions", "openai-responses", "anthropic-messages"])
def test_what_has_come_is_estimated_from_what_was_said_however_it_was_cut(
    name: str, text: str, pieces: int
) -> None:
    spoken = get_format(name)
    renderer = spoken.stream_renderer("m")
    size = len(text) // pieces
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    events = [
        Start("a", "m"),
        PartStart(0, Text("")),
        *(PartDelta(0, "text", part) for part in parts),
    ]
    begun = b"".join(map(renderer.render, events))
    bridges = (Relay(spoken, Dialect(), "m"), Events(spoken, Dialect()))
    for bridge in bridges:
        bridge.feed(begun)
        assert bridge.said_tokens == len(text.encode()) // 4


def test_comments_do_not_count_as_frames() -> None:
    bridge = relay()
    bridge.feed(ROLE + HELLO)
    assert bridge.frames == 2
    bridge.feed(b": ping\n\n: ping\n\n")
    assert bridge.frames == 2
    bridge.feed(HELLO)
    assert bridge.frames == 3


@pytest.mark.parametrize("size", [1, 7, 200, 1 << 30])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_usage_that_we_asked_for_is_read_and_left_out(size: int, end: bytes) -> None:
    bridge = relay(drop_usage=True)
    body = (ROLE + HELLO + STOP + USAGE + DONE).replace(b"\n", end)
    out = [joined(bridge.feed(body[at : at + size])) for at in range(0, len(body), size)]
    assert joined(out, bridge.close()) == (ROLE + HELLO + STOP + DONE).replace(b"\n", end)
    assert bridge.usage == Usage(5, 2)
    assert bridge.finish == Finish("stop", "stop", Usage(5, 2))


def test_usage_beside_content_is_not_left_out() -> None:
    chunk = frame(choices=[{"index": 0, "delta": {"content": "a"}}], usage={"prompt_tokens": 1})
    bridge = relay(drop_usage=True)
    assert joined(bridge.feed(ROLE + chunk)) == ROLE + chunk


def test_an_error_of_the_upstreams_is_written_anew_behind_what_came_before() -> None:
    bridge = relay()
    out = joined(bridge.feed(ROLE + HELLO + ERROR + DONE))
    assert out.startswith(
        ROLE + HELLO + b'data: {"error":{"message":"key sk-\xe2\x80\xa6 is burnt"'
    )
    assert b"[DONE]" not in out
    assert isinstance(bridge.failure, Failure)
    assert isinstance(bridge.failure.error, ServerError)
    assert bridge.feed(HELLO) == ()
    assert bridge.close() == ()


def test_a_truncated_relay_ends_in_an_error_and_no_done() -> None:
    bridge = relay()
    out = joined(bridge.feed(ROLE + HELLO + b'data: {"choi'), bridge.close())
    assert out.startswith(ROLE + HELLO + b'data: {"error":')
    assert out.endswith(b"}\n\n")
    assert bridge.failure is not None
    assert isinstance(bridge.failure.error, StreamTruncated)


def test_a_relay_goes_on_where_the_meter_can_not_follow() -> None:
    bridge = relay()
    body = ROLE + HELLO + b"data: what is this?\n\n" + HELLO + STOP + USAGE + DONE
    assert joined(bridge.feed(body), bridge.close()) == body
    assert bridge.usage is None
    assert bridge.failure is None
    assert bridge.finish == Finish("other")


def test_nonsense_before_content_is_a_failure_that_another_may_mend() -> None:
    bridge = relay()
    bridge.feed(ROLE + b"data: what is this?\n\n")
    assert not bridge.committed
    assert bridge.failure is not None
    assert isinstance(bridge.failure.error, ProtocolError)


@pytest.mark.parametrize("kind", ["relay", "translate"])
def test_a_lost_connection_becomes_an_error_in_the_clients_format(kind: str) -> None:
    bridge = relay()
    if kind == "translate":
        bridge = Translate(FORMAT, Dialect(), FORMAT.stream_renderer("m"))  # type: ignore[assignment]
    bridge.feed(ROLE + HELLO + HELLO[:20])
    out = joined(bridge.fail(Timeout("idle", 120)))
    assert json.loads(out.removeprefix(b"data: "))["error"]["code"] == "idle_timeout"
    assert bridge.fail(ConnectionLost("again")) == ()
    assert not joined(bridge.close())


def test_a_torn_frame_is_ended_before_the_error() -> None:
    bridge = relay()
    bridge.feed(ROLE + HELLO)
    long = b"data: " + b"x" * 70_000
    assert joined(bridge.feed(long)) == long
    assert joined(bridge.fail(ConnectionLost("gone"))).startswith(b'\n\ndata: {"error"')


def test_events_keep_what_had_come_when_a_stream_breaks() -> None:
    bridge = Events(FORMAT, Dialect())
    bridge.feed(ROLE + HELLO)
    (failure,) = bridge.fail(ConnectionLost("gone"))
    assert isinstance(failure, Failure)
    assert failure.error.partial is not None
    assert failure.error.partial.text == "Hello"
    assert bridge.close() == ()


def test_half_a_tool_call_is_no_part_of_what_had_come() -> None:
    bridge = Events(FORMAT, Dialect())
    call = {"index": 0, "id": "a", "function": {"name": "rm", "arguments": '{"path":"/'}}
    bridge.feed(HELLO + delta(tool_calls=[call]))
    bridge.close()
    assert bridge.failure is not None
    assert bridge.failure.error.partial is not None
    assert bridge.failure.error.partial.tool_calls == ()
    assert bridge.failure.error.partial.text == "Hello"


def test_a_translation_fills_in_what_the_provider_left_out() -> None:
    renderer = FORMAT.stream_renderer("asked")
    bridge = Translate(FORMAT, Dialect(), renderer, id="chatcmpl-ours", created=1760000000)
    out = joined(bridge.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'))
    first = json.loads(out.split(b"\n\n")[0].removeprefix(b"data: "))
    assert (first["id"], first["created"], first["model"]) == ("chatcmpl-ours", 1760000000, "asked")


@given(st.lists(st.integers(0, 600), max_size=8))
def test_what_a_relay_says_never_depends_on_the_cuts(cuts: list[int]) -> None:
    body = ROLE + b": ping\n\n" + HELLO + HELLO + STOP + USAGE + DONE
    bridge, at, out = relay(drop_usage=True), 0, b""
    for cut in [*sorted(cuts), len(body)]:
        out += joined(bridge.feed(body[at:cut]))
        at = max(at, min(cut, len(body)))
    out += joined(bridge.close())
    assert out == body.replace(USAGE, b"")
    assert bridge.finish == Finish("stop", "stop", Usage(5, 2))


def test_events_of_the_library_are_those_of_the_parser() -> None:
    bridge = Events(FORMAT, Dialect())
    events = [*bridge.feed(ROLE + HELLO + STOP + USAGE + DONE), *bridge.close()]
    assert [e.text for e in events if isinstance(e, PartDelta)] == ["Hello"]
    assert bridge.answer.completion.text == "Hello"
    assert bridge.answer.completion.usage == bridge.usage == Usage(5, 2)
