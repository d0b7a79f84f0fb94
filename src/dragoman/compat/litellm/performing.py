"""Runs what fetches its own answers, as a performer of requests: see `transport.performed`."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from dragoman.adapters.format import wrong_type
from dragoman.compat.litellm.chunks import FrameWriter, WrongShape
from dragoman.compat.litellm.hooks import typed
from dragoman.types.http import Halt, HttpAnswer

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

Result = TypeVar("Result")

STREAM_HEAD = HttpAnswer(status=200, headers={"content-type": "text/event-stream"})
JSON_HEAD = HttpAnswer(status=200, headers={"content-type": "application/json"})

_END = object()


def perform_stream(
    whose: str, hook: Callable[..., Any], model: str, chunks: Callable[[], Iterable[Any]]
) -> Iterator[HttpAnswer | bytes]:
    """Yield an answer of what `chunks` gives, its head when there is content.

    An iterator that ends by itself is whole. Raises: DragomanError.
    """
    writer = FrameWriter(model)
    began = False
    try:
        for chunk in chunks():
            if frame := writer.add(chunk):
                if not began:
                    yield STREAM_HEAD
                began = True
                yield frame
        last = writer.end()
    except WrongShape as error:
        raise wrong_type(whose, hook.__name__, error.value, "chunks") from error
    except (Exception, SystemExit) as error:
        raise typed(whose, hook, error) from error
    if not began:
        yield STREAM_HEAD
    yield last


class Loop:
    """An event loop in a thread of its own: what is awaited there may keep its connections."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, Result], halt: Halt) -> Result:
        """Wait for a coroutine. Raises: what it raises."""
        watch = _Watch(halt)
        return watch.wait(self._start(work))

    def iterate(self, stream: AsyncIterable[Any], halt: Halt) -> Iterator[Any]:
        """Yield what an asynchronous iterator does."""
        watch = _Watch(halt)
        iterator = stream.__aiter__()

        async def step() -> Any:
            try:
                return await iterator.__anext__()
            except StopAsyncIteration:
                return _END

        while (item := watch.wait(self._start(step()))) is not _END:
            yield item

    def _start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        import asyncio

        return asyncio.run_coroutine_threadsafe(work, self._running())

    def _running(self) -> asyncio.AbstractEventLoop:
        import asyncio

        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_forever, name=f"dragoman-{self._name}", daemon=True
                ).start()
            return self._loop


class _Watch:
    """Cancels what is under way when nobody listens any more."""

    def __init__(self, halt: Halt) -> None:
        self._under_way: Future[Any] | None = None
        self._halted = False
        halt.then(self._cancel)

    def wait(self, future: Future[Result]) -> Result:
        self._under_way = future
        if self._halted:
            future.cancel()
        return future.result()

    def _cancel(self) -> None:
        self._halted = True
        if self._under_way is not None:
            self._under_way.cancel()
