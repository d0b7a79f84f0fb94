"""A streamed answer as the caller holds it: events as they come, and the whole at the end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from types import TracebackType
from typing import Any, Self

from dragoman.engine.answer import Answer, sign
from dragoman.engine.call import Call
from dragoman.engine.drive import adrive, drive
from dragoman.engine.flow import stream
from dragoman.errors import DragomanError
from dragoman.rendered import Rendered
from dragoman.transport.base import AsyncTransport, Transport
from dragoman.types.event import Event, Failure, PartDelta
from dragoman.types.exchange import Exchange
from dragoman.wire.whole import Accumulator


class _Streamed:
    """What both kinds of stream know."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._accumulator = Accumulator()

    @property
    def exchange(self) -> Exchange:
        """Who answered, after what, for how much; complete once the stream has ended."""
        return self._call.exchange

    @property
    def completion(self) -> Answer:
        """The answer: whole once the stream has ended, until then as far as it has come."""
        return sign(self._accumulator.completion, self._call.exchange)

    def _takes(self, item: Event | bytes) -> bool:
        """Note an event. The failure at the end is not shown, because it is raised."""
        if isinstance(item, bytes):
            raise TypeError("a library call is answered in events")
        self._accumulator.add(item)
        return not isinstance(item, Failure)


class Stream(_Streamed):
    """Iterate it for events; leave its `with` block to stop, and the provider stops too.

    Nothing is sent before the first event is asked for.

    Raises, from the iteration: DragomanError; what had come by then is its `partial`.

    Example:
        with client.stream("demo/story", "Tell me") as answer:
            for text in answer.text_deltas():
                print(text, end="")
        print(answer.completion.usage)
    """

    def __init__(self, call: Call, transport: Transport) -> None:
        super().__init__(call)
        self._events: Generator[Event | bytes, None, None] = drive(stream(call), transport)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        try:
            while not self._takes(item := next(self._events)):
                continue
        except DragomanError as error:
            error.partial = self.completion
            raise
        return item  # type: ignore[return-value]

    def text_deltas(self) -> Iterator[str]:
        """The answer's text as it comes, without reasoning and tool calls."""
        for event in self:
            if isinstance(event, PartDelta) and event.kind == "text":
                yield event.text

    def to_openai(self) -> Iterator[dict[str, Any]]:
        """The answer as it comes, as `chat.completion.chunk` objects of OpenAI's API."""
        return self._told("openai-completions")

    def to_responses(self) -> Iterator[dict[str, Any]]:
        """The answer as it comes, as events of OpenAI's Responses API."""
        return self._told("openai-responses")

    def to_anthropic(self) -> Iterator[dict[str, Any]]:
        """The answer as it comes, as events of Anthropic's API."""
        return self._told("anthropic-messages")

    def _told(self, name: str) -> Iterator[dict[str, Any]]:
        rendered = Rendered(name, self.exchange)
        for event in self:
            yield from rendered.objects(event)

    def close(self) -> None:
        """Stop: the connection to the provider is closed."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncStream(_Streamed):
    """`Stream`, awaited: `async with`, `async for`."""

    def __init__(self, call: Call, transport: AsyncTransport) -> None:
        super().__init__(call)
        self._events: AsyncGenerator[Event | bytes, None] = adrive(
            stream(call), transport, lambda _: None
        )

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        try:
            while not self._takes(item := await anext(self._events)):
                continue
        except DragomanError as error:
            error.partial = self.completion
            raise
        return item  # type: ignore[return-value]

    async def text_deltas(self) -> AsyncIterator[str]:
        """The answer's text as it comes, without reasoning and tool calls."""
        async for event in self:
            if isinstance(event, PartDelta) and event.kind == "text":
                yield event.text

    def to_openai(self) -> AsyncIterator[dict[str, Any]]:
        """See `Stream.to_openai`."""
        return self._told("openai-completions")

    def to_responses(self) -> AsyncIterator[dict[str, Any]]:
        """See `Stream.to_responses`."""
        return self._told("openai-responses")

    def to_anthropic(self) -> AsyncIterator[dict[str, Any]]:
        """See `Stream.to_anthropic`."""
        return self._told("anthropic-messages")

    async def _told(self, name: str) -> AsyncIterator[dict[str, Any]]:
        rendered = Rendered(name, self.exchange)
        async for event in self:
            for item in rendered.objects(event):
                yield item

    async def close(self) -> None:
        """Stop: the connection to the provider is closed."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
