"""What performs a flow's steps: one driver that blocks, one that awaits. The engine's only I/O.

A driver owns every answer that its flow opens: when the flow ends, fails or is abandoned, what is
still open is closed, so that the upstream notices. A flow itself never does I/O while closing.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any

from dragoman.engine.steps import (
    Close,
    First,
    Flow,
    Out,
    Race,
    Read,
    ReadAll,
    Result,
    Send,
    Sleep,
    Step,
    Wait,
)
from dragoman.errors import DragomanError

if TYPE_CHECKING:
    from dragoman.transport.base import AsyncResponse, AsyncTransport, Response, Transport

_UNTIL_LEFT_S = 3600.0  # a gate's "until somebody leaves", made finite for the primitives below


def run(flow: Flow[Result], transport: Transport) -> Result:
    """Perform a flow that gives no output; return its result."""
    driver = drive(flow, transport)
    try:
        next(driver)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        driver.close()
    raise AssertionError("the flow gives output: drive it")


def drive(flow: Flow[Result], transport: Transport) -> Generator[Out, None, Result]:
    """Perform a flow, step by step, while its output is consumed; return its result."""
    performer = _Performer(transport)
    try:
        item = next(flow)
        while True:
            if not isinstance(item, Step):
                yield item
                item = next(flow)
                continue
            try:
                value = performer.do(item)
            except DragomanError as error:
                item = flow.throw(error)
            else:
                item = flow.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        flow.close()
        performer.close()


class _Performer:
    """Performs steps with blocking calls, and remembers what is open."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.open: list[Response] = []

    def do(self, step: Step) -> Any:
        return _DO[type(step)](self, step)

    def send(self, step: Send) -> Response:
        answer = self.transport.send(
            step.request,
            connect_timeout_s=step.connect_timeout_s,
            head_timeout_s=step.head_timeout_s,
        )
        self.open.append(answer)
        return answer

    def read(self, step: Read) -> bytes:
        answer: Response = step.answer  # type: ignore[assignment]
        return answer.read(step.timeout_s)

    def read_all(self, step: ReadAll) -> bytes:
        answer: Response = step.answer  # type: ignore[assignment]
        body = answer.read(step.timeout_s)
        chunk = body
        while chunk and len(body) < step.limit:
            chunk = answer.read(step.timeout_s)
            body += chunk
        return body

    def close_answer(self, step: Close) -> None:
        answer: Response = step.answer  # type: ignore[assignment]
        self.open.remove(answer)
        answer.close()

    def sleep(self, step: Sleep) -> None:
        time.sleep(step.seconds)

    def wait(self, step: Wait) -> None:
        freed = threading.Event()
        step.gate.subscribe(freed.set)
        freed.wait(min(step.timeout_s, _UNTIL_LEFT_S))

    def first(self, step: First) -> Race:
        """Race in threads. A loser that has begun to answer is closed at once; one whose head is
        still awaited ends with its own timer, unheard."""
        racers = [_Racer(flow, self.transport) for flow in step.flows]
        ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        errors: dict[int, Exception] = {}
        started = 0
        winner: int | None = None
        try:
            while winner is None and len(errors) < len(racers):
                if started < len(racers):
                    threading.Thread(
                        target=racers[started].run, args=(started, ended), daemon=True
                    ).start()
                    started += 1
                try:
                    index = ended.get(timeout=step.after_s if started < len(racers) else None)
                except queue.Empty:
                    continue
                failure = racers[index].error
                if failure is None:
                    winner = index
                else:
                    errors[index] = failure
        finally:
            for index, racer in enumerate(racers):
                if index != winner:
                    racer.abandon()
        if winner is None:
            return Race(None, None, errors)
        self.open += racers[winner].performer.open
        return Race(winner, racers[winner].value, errors)

    def close(self) -> None:
        while self.open:  # a racer's thread may still be adding to it
            self.open.pop().close()


_DO: dict[type[Step], Callable[[_Performer, Any], Any]] = {
    Send: _Performer.send,
    Read: _Performer.read,
    ReadAll: _Performer.read_all,
    Close: _Performer.close_answer,
    Sleep: _Performer.sleep,
    Wait: _Performer.wait,
    First: _Performer.first,
}


class _Racer:
    """One flow of a race, in a thread of its own, until it returns, fails or is abandoned."""

    def __init__(self, flow: Flow[Any], transport: Transport) -> None:
        self.flow = flow
        self.performer = _Performer(transport)
        self.value: Any = None
        self.error: Exception | None = None
        self._abandoned = False
        self._lock = threading.Lock()

    def run(self, index: int, ended: queue.SimpleQueue[int]) -> None:
        try:
            self.value = self._steps()
        except Exception as error:  # handed to the race, which raises or records it
            self.error = error
        with self._lock:
            if self._abandoned:
                self.flow.close()
                self.performer.close()
        ended.put(index)

    def _steps(self) -> Any:
        try:
            item = next(self.flow)
            while True:
                failure, value = None, None
                try:
                    value = self.performer.do(item)  # type: ignore[arg-type]
                except DragomanError as error:
                    failure = error
                if self._abandoned:  # closed under its hands: that is no fault of the upstream
                    return None
                item = self.flow.throw(failure) if failure else self.flow.send(value)
        except StopIteration as stop:
            return stop.value

    def abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            self.performer.close()


async def arun(flow: Flow[Result], transport: AsyncTransport) -> Result:
    """Perform a flow that gives no output; return its result."""
    performer = _AsyncPerformer(transport)
    try:
        item = next(flow)
        while True:
            try:
                value = await performer.do(item)
            except DragomanError as error:
                item = flow.throw(error)
            else:
                item = flow.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        flow.close()
        await performer.close()


async def adrive(
    flow: Flow[Result], transport: AsyncTransport, returned: Callable[[Result], None]
) -> AsyncGenerator[Out, None]:
    """Perform a flow while its output is consumed; `returned` takes its result at the end.

    An asynchronous generator cannot return a value; otherwise this is `drive`, awaited.
    """
    performer = _AsyncPerformer(transport)
    try:
        item = next(flow)
        while True:
            if not isinstance(item, Step):
                yield item
                item = next(flow)
                continue
            try:
                value = await performer.do(item)
            except DragomanError as error:
                item = flow.throw(error)
            else:
                item = flow.send(value)
    except StopIteration as stop:
        returned(stop.value)
    finally:
        flow.close()
        await performer.close()


class _AsyncPerformer:
    """Performs steps by awaiting, and remembers what is open."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.transport = transport
        self.open: list[AsyncResponse] = []

    def do(self, step: Any) -> Awaitable[Any]:
        return _ADO[type(step)](self, step)

    async def send(self, step: Send) -> AsyncResponse:
        answer = await self.transport.send(
            step.request,
            connect_timeout_s=step.connect_timeout_s,
            head_timeout_s=step.head_timeout_s,
        )
        self.open.append(answer)
        return answer

    async def read(self, step: Read) -> bytes:
        answer: AsyncResponse = step.answer  # type: ignore[assignment]
        return await answer.read(step.timeout_s)

    async def read_all(self, step: ReadAll) -> bytes:
        answer: AsyncResponse = step.answer  # type: ignore[assignment]
        body = await answer.read(step.timeout_s)
        chunk = body
        while chunk and len(body) < step.limit:
            chunk = await answer.read(step.timeout_s)
            body += chunk
        return body

    async def close_answer(self, step: Close) -> None:
        answer: AsyncResponse = step.answer  # type: ignore[assignment]
        self.open.remove(answer)
        await answer.close()

    async def sleep(self, step: Sleep) -> None:
        import asyncio

        await asyncio.sleep(step.seconds)

    async def wait(self, step: Wait) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        freed = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(freed.set)

        step.gate.subscribe(wake)
        try:
            async with asyncio.timeout(min(step.timeout_s, _UNTIL_LEFT_S)):
                await freed.wait()
        except TimeoutError:
            return

    async def first(self, step: First) -> Race:
        """Race in tasks."""
        import asyncio

        performers = [_AsyncPerformer(self.transport) for _ in step.flows]
        tasks: list[asyncio.Task[Any]] = []
        errors: dict[int, Exception] = {}
        winner: int | None = None
        try:
            while winner is None and len(errors) < len(step.flows):
                if len(tasks) < len(step.flows):
                    index = len(tasks)
                    tasks.append(asyncio.create_task(_asteps(step.flows[index], performers[index])))
                running = {task for i, task in enumerate(tasks) if i not in errors}
                await asyncio.wait(
                    running,
                    timeout=step.after_s if len(tasks) < len(step.flows) else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for index, task in enumerate(tasks):
                    if index in errors or not task.done():
                        continue
                    failure = task.exception()
                    if failure is None:
                        winner = index
                        break
                    if not isinstance(failure, Exception):
                        raise failure
                    errors[index] = failure
        finally:
            losers = [task for index, task in enumerate(tasks) if index != winner]
            for task in losers:
                task.cancel()
            await asyncio.gather(*losers, return_exceptions=True)
            for index, performer in enumerate(performers):
                if index != winner:
                    step.flows[index].close()
                    await performer.close()
        if winner is None:
            return Race(None, None, errors)
        self.open += performers[winner].open
        return Race(winner, tasks[winner].result(), errors)

    async def close(self) -> None:
        while self.open:
            await self.open.pop().close()


_ADO: dict[type[Step], Callable[[_AsyncPerformer, Any], Awaitable[Any]]] = {
    Send: _AsyncPerformer.send,
    Read: _AsyncPerformer.read,
    ReadAll: _AsyncPerformer.read_all,
    Close: _AsyncPerformer.close_answer,
    Sleep: _AsyncPerformer.sleep,
    Wait: _AsyncPerformer.wait,
    First: _AsyncPerformer.first,
}


async def _asteps(flow: Flow[Any], performer: _AsyncPerformer) -> Any:
    """Perform a racer's flow; its answers stay open for whoever wins."""
    try:
        item = next(flow)
        while True:
            try:
                value = await performer.do(item)
            except DragomanError as error:
                item = flow.throw(error)
            else:
                item = flow.send(value)
    except StopIteration as stop:
        return stop.value
