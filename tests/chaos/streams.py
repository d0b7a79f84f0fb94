"""Recorded streams of every language that end well, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dragoman.types.event import Event, Failure, Finish, PartDelta
from dragoman.types.provider import Dialect
from dragoman.wire import get_format
from tests.wire import golden

LANGUAGES = ("openai-completions", "openai-responses", "anthropic-messages")


class Recorded(NamedTuple):
    """One stream: its language, its name, its bytes, its text."""

    language: str
    name: str
    body: bytes
    text: str


def recorded() -> Iterator[Recorded]:
    """Yield the recorded streams that end well and say something, of all languages in turn."""
    found = [list(_of(language)) for language in LANGUAGES]
    for number in range(max(map(len, found))):
        for streams in found:
            if number < len(streams):
                yield streams[number]


def _of(language: str) -> Iterator[Recorded]:
    for name in golden.names(language, ".sse"):
        body = golden.read(language, f"{name}.sse")
        events = read(language, [body])
        text = said(events)
        if len(text) > 3 and any(isinstance(event, Finish) for event in events):
            yield Recorded(language, name, body, text)


def read(language: str, chunks: Iterable[bytes]) -> list[Event]:
    """Read a stream to its end."""
    parser = get_format(language).stream_parser(Dialect())
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + parser.close()


def said(events: Iterable[Event]) -> str:
    """Put together the text, reasoning and arguments of a stream."""
    return "".join(event.text for event in events if isinstance(event, PartDelta))


def failures(events: Iterable[Event]) -> int:
    """Count what went wrong in a stream."""
    return sum(isinstance(event, Failure) for event in events)
