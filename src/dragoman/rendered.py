"""A stream of ours told again in one of the three APIs: the objects that its SDK would see."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.types.event import Event, Start
from dragoman.types.exchange import Exchange
from dragoman.wire import get_format
from dragoman.wire.sse import SseParser


class Rendered:
    """Renders events as the frames of a format, and reads them back as JSON objects."""

    def __init__(self, name: str, exchange: Exchange) -> None:
        self._exchange = exchange
        self._renderer = get_format(name).stream_renderer(exchange.asked)
        self._frames = SseParser()

    def objects(self, event: Event) -> list[dict[str, Any]]:
        """Tell one event; pings and `[DONE]` are left out: SDKs show them to nobody."""
        if isinstance(event, Start):
            created = event.created or int(self._exchange.started_at)
            event = replace(event, id=event.id or self._exchange.id, created=created)
        frames = self._frames.feed(self._renderer.render(event))
        return [
            msgspec.json.decode(frame.data)
            for frame in frames
            if frame.data[:1] == b"{" and frame.event != "ping"
        ]
