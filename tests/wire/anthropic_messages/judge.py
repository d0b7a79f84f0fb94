"""The official SDK as judge: what we write is served to it, what it writes is read by us."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anthropic

from dragoman.types import Completion, Dialect
from dragoman.types.event import Event
from dragoman.wire import get_format
from tests.upstream.fault import FaultUpstream
from tests.upstream.script import Answer
from tests.wire import golden

FORMAT = get_format("anthropic-messages")
ASKED: dict[str, Any] = {
    "model": "m",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "hi"}],
}


def client_of(upstream: FaultUpstream) -> anthropic.Anthropic:
    """Make a client of the SDK, as its users do."""
    return anthropic.Anthropic(base_url=upstream.url, api_key="k", max_retries=0)


def parse(api: str, name: str) -> list[Event]:
    """Read the events of a golden case."""
    spoken = golden.dialect(golden.expected(api, f"{name}.events.json"))
    body = golden.read(api, f"{name}.sse")
    return golden.run(get_format(api).stream_parser(spoken), body, 1 << 30)


def rendered(events: Iterable[Event]) -> bytes:
    """Write events as a stream."""
    renderer = FORMAT.stream_renderer("m")
    return b"".join(renderer.render(event) for event in events)


def events_answer(body: bytes) -> Answer:
    """Serve a stream."""
    return Answer(200, (("content-type", "text/event-stream; charset=utf-8"),), body).chunked()


def json_answer(body: bytes, status: int = 200) -> Answer:
    """Serve a whole answer, or an error."""
    return Answer(status, (("content-type", "application/json"),), body)


def whole(completion: Completion) -> bytes:
    """Write a whole answer."""
    return FORMAT.render_response(completion).body


def plain(message: Any) -> dict[str, Any]:
    """Say what the SDK made of an answer; null is what is not said."""
    return _without_null(message.to_dict(warnings=False))  # type: ignore[no-any-return]


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


def reread(body: bytes) -> Completion:
    """Read back a stream of ours."""
    from dragoman.wire.whole import accumulate

    return accumulate(golden.run(FORMAT.stream_parser(Dialect()), body, 1 << 30))
