"""The official SDK as judge: what we write is served to it, what it writes is read by us."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, get_args

import openai
import pydantic
from openai.types.responses import Response, ResponseStreamEvent

from dragoman.types import ChatRequest, Dialect
from dragoman.types.event import Event
from dragoman.wire import get_format
from dragoman.wire.sse import SseParser
from tests.upstream.fault import FaultUpstream
from tests.upstream.script import Answer
from tests.wire import golden

FORMAT = get_format("openai-responses")
ASKED: dict[str, Any] = {"model": "m", "input": "hi"}

_EVENTS: dict[str, type[pydantic.BaseModel]] = {
    get_args(kind.model_fields["type"].annotation)[0]: kind
    for kind in get_args(get_args(ResponseStreamEvent)[0])
}
"""The SDK's types of events, by name."""


def client_of(upstream: FaultUpstream) -> openai.OpenAI:
    """Make a client of the SDK, as its users do."""
    return openai.OpenAI(base_url=upstream.base_url, api_key="k", max_retries=0)


def parse(api: str, name: str) -> list[Event]:
    """Read the events of a golden case."""
    spoken = golden.dialect(golden.expected(api, f"{name}.events.json"))
    body = golden.read(api, f"{name}.sse")
    return golden.run(get_format(api).stream_parser(spoken), body, 1 << 30)


def rendered(events: Iterable[Event], request: ChatRequest | None = None) -> bytes:
    """Write events as a stream."""
    renderer = FORMAT.stream_renderer("m", request=request)
    return b"".join(renderer.render(event) for event in events)


def reread(body: bytes) -> list[Event]:
    """Read back a stream of ours."""
    return golden.run(FORMAT.stream_parser(Dialect()), body, 1 << 30)


def events_answer(body: bytes) -> Answer:
    """Serve a stream."""
    return Answer(200, (("content-type", "text/event-stream; charset=utf-8"),), body).chunked()


def json_answer(body: bytes, status: int = 200) -> Answer:
    """Serve a whole answer, or an error."""
    return Answer(status, (("content-type", "application/json"),), body)


def frames(body: bytes) -> list[dict[str, Any]]:
    """Take a stream of ours apart; each frame has the name of its event."""
    found = []
    for frame in SseParser().feed(body):
        data = json.loads(frame.data)
        assert data["type"] == frame.event
        found.append(data)
    return found


def check_event(data: dict[str, Any]) -> None:
    """Hold an event against the SDK's type for it, which the SDK itself does not do."""
    _EVENTS[data["type"]].model_validate(data)


def check_response(data: dict[str, Any]) -> None:
    """Hold an answer against the SDK's type for it."""
    Response.model_validate(data)
