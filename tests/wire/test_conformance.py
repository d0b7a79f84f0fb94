"""Every golden case, in every cut: what a parser says never depends on how the bytes came."""

from __future__ import annotations

import itertools

import pytest

from dragoman.types.event import Event, Failure, Finish, PartDelta, PartEnd, PartStart, Start
from dragoman.wire import get_format
from dragoman.wire.whole import accumulate
from tests.wire import golden

FORMATS = ("openai-completions", "openai-responses", "anthropic-messages")
STREAMS = [(api, name) for api in FORMATS for name in golden.names(api, ".sse")]
WHOLE = [(api, name) for api in FORMATS for name in golden.names(api, ".json")]
BOTH = sorted(set(STREAMS) & set(WHOLE))
SIZES = (1, 2, 3, 7, 64, 1 << 30)
LINE_ENDS = {"lf": b"\n", "cr": b"\r", "crlf": b"\r\n"}


def stream(api: str, name: str, end: bytes = b"\n", size: int = 1 << 30) -> list[Event]:
    spoken = golden.dialect(golden.expected(api, f"{name}.events.json"))
    body = golden.read(api, f"{name}.sse").replace(b"\n", end)
    return golden.run(get_format(api).stream_parser(spoken), body, size)


def test_there_are_cases_enough() -> None:
    for api in FORMATS:
        assert len(golden.names(api, ".sse")) >= 60
        assert len([name for of, name in BOTH if of == api]) >= 10


@pytest.mark.parametrize(("api", "name"), STREAMS)
def test_a_stream_means_what_its_case_says_however_it_is_cut(api: str, name: str) -> None:
    expected = golden.expected(api, f"{name}.events.json")["events"]
    for end, size in itertools.product(LINE_ENDS, SIZES):
        events = stream(api, name, LINE_ENDS[end], size)
        assert [golden.shown(event) for event in events] == expected, f"{end}, in chunks of {size}"


@pytest.mark.parametrize(("api", "name"), WHOLE)
def test_a_whole_answer_means_what_its_case_says(api: str, name: str) -> None:
    expected = golden.expected(api, f"{name}.completion.json")
    body = golden.read(api, f"{name}.json")
    assert golden.parse_whole(api, body, golden.dialect(expected)) == expected["completion"]


@pytest.mark.parametrize(("api", "name"), BOTH)
def test_an_answer_is_the_same_streamed_or_whole(api: str, name: str) -> None:
    spoken = golden.dialect(golden.expected(api, f"{name}.events.json"))
    whole = get_format(api).parse_response(golden.read(api, f"{name}.json"), spoken)
    assert accumulate(stream(api, name)) == whole


@pytest.mark.parametrize(("api", "name"), STREAMS)
def test_events_keep_to_their_grammar(api: str, name: str) -> None:
    check_grammar(stream(api, name))


def check_grammar(events: list[Event]) -> None:
    """Start (PartStart PartDelta* PartEnd)* (Finish | Failure), with parts numbered in order."""
    *rest, last = events
    assert isinstance(last, Finish | Failure)
    assert not [event for event in rest if isinstance(event, Finish | Failure)]
    assert not [event for event in rest[1:] if isinstance(event, Start)]
    assert not rest or isinstance(rest[0], Start)
    open_parts: dict[int, str] = {}
    started = 0
    for event in rest[1:]:
        if isinstance(event, PartStart):
            assert event.index == started
            started += 1
            open_parts[event.index] = ""
        elif isinstance(event, PartDelta):
            open_parts[event.index] += event.text
        elif isinstance(event, PartEnd):
            said = open_parts.pop(event.index)
            whole = getattr(event.part, "arguments", None) or getattr(event.part, "text", None)
            assert whole is None or said == whole
    assert isinstance(last, Failure) or not open_parts


@pytest.mark.parametrize(("api", "name"), STREAMS)
def test_nothing_comes_after_the_end(api: str, name: str) -> None:
    spoken = golden.dialect(golden.expected(api, f"{name}.events.json"))
    parser = get_format(api).stream_parser(spoken)
    golden.run(parser, golden.read(api, f"{name}.sse"), 64)
    assert parser.feed(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n') == []
    assert parser.close() == []


@pytest.mark.parametrize(("api", "name"), STREAMS)
def test_a_meter_is_right_about_what_it_promises(api: str, name: str) -> None:
    """Start, the first content, Finish and Failure are those of a full reading."""
    spoken = golden.dialect(golden.expected(api, f"{name}.events.json"))
    body = golden.read(api, f"{name}.sse")
    full, meter = (
        get_format(api).stream_parser(spoken),
        get_format(api).stream_parser(spoken, meter=True),
    )
    for at in range(0, len(body), 64):
        read = full.feed(body[at : at + 64])
        seen = meter.feed(body[at : at + 64])
        assert promised(seen) == promised(read)
        assert meter.usage == full.usage
    assert promised(meter.close()) == promised(full.close())
    assert meter.frames == full.frames


def promised(events: list[Event]) -> list[object]:
    said: list[object] = []
    for event in events:
        if isinstance(event, Start):
            said.append(event)
        elif isinstance(event, Finish):
            said.append((event.reason, event.raw_reason, event.usage, event.stop_sequence))
        elif isinstance(event, Failure):
            said.append(golden.shown(event))
    return said
