"""A worker: one process, one event loop, one gateway, from its first request to its last.

SIGTERM or SIGINT: not ready any more, then no new connections, then what is in flight is finished
or, when the time for that is over, broken off with a word to the client. A second one hurries.
SIGHUP: the configuration is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator, Sequence

import uvicorn

from dragoman.adapters.guard import take_alarms
from dragoman.server.assembly import Assembly, Work
from dragoman.server.gateway import Gateway
from dragoman.server.http.application import Application
from dragoman.server.http.connection import Connection
from dragoman.server.reload import Reloader

KEEP_ALIVE_S = 75.0
"""How long a client's connection may be idle. Precedent: nginx."""
GC_THRESHOLDS = (20_000, 20, 50)
"""Requests leave few cycles behind: to look as often as Python does takes 5 % of the time."""
NOT_READY_S = 0.5
"""Between "not ready" and "not accepting": what sends requests here has to notice first."""
JUST_CONNECTED_S = 0.2
"""For the requests of connections that were accepted a moment ago."""
LAST_WORDS_S = 2.0
"""For what is broken off to say so."""


def run_worker(
    work: Work, sockets: Sequence[socket.socket], started: Callable[[], None] = lambda: None
) -> None:
    """Serve until told to stop. `started` is called once requests are answered.

    Raises: ConfigError.
    """
    take_alarms()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_Worker(work, sockets, started).run())


class _Worker:
    def __init__(
        self, work: Work, sockets: Sequence[socket.socket], started: Callable[[], None]
    ) -> None:
        self._work = work
        self._sockets = sockets
        self._started = started
        self._told = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        parts = Assembly(self._work, self._sockets)
        server = _Server(settings_for(parts.application))
        await parts.begin()
        stopping = asyncio.ensure_future(self._stop(parts.gateway, server))
        self._listen_to_signals(parts.reloader)
        serving = asyncio.ensure_future(server.serve(sockets=list(self._sockets)))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0.001)
            self._started()
            gc.collect()
            gc.freeze()  # what lives as long as the process need not be looked at again
            gc.set_threshold(*GC_THRESHOLDS)
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            await self._drain(parts, server, serving)
        finally:
            stopping.cancel()
            await parts.close()

    def _listen_to_signals(self, reloader: Reloader) -> None:
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[bool]] = set()

        def reload() -> None:
            task = loop.create_task(reloader.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._be_told)
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, reload)
        if self._work.orphaned is not None:
            loop.add_reader(self._work.orphaned, self._orphan)

    def _be_told(self) -> None:
        if self._told.is_set():
            self._hurry.set()
        self._told.set()

    def _orphan(self) -> None:
        assert self._work.orphaned is not None
        asyncio.get_running_loop().remove_reader(self._work.orphaned)
        self._told.set()

    async def _stop(self, gateway: Gateway, server: _Server) -> None:
        """Wait to be told to stop; then see that nothing new comes."""
        await self._told.wait()
        gateway.ready = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), NOT_READY_S)
        await server.stop_accepting()

    async def _drain(
        self,
        parts: Assembly,
        server: _Server,
        serving: asyncio.Future[None],
    ) -> None:
        """Let what is in flight come to its end, or bring it there."""
        gateway, application = parts.gateway, parts.application
        loop = asyncio.get_running_loop()
        until = loop.time() + parts.settings.drain
        while loop.time() < until and not self._hurry.is_set():
            if not (application.in_flight or gateway.unattended):
                break
            await asyncio.sleep(0.02)
        application.interrupt()
        until = loop.time() + LAST_WORDS_S
        while application.in_flight and loop.time() < until:
            await asyncio.sleep(0.02)
        server.should_exit = True
        await serving


def settings_for(application: Application) -> uvicorn.Config:
    """Make uvicorn's settings: connections are ours, and it says and wraps nothing."""
    return uvicorn.Config(
        application,  # type: ignore[arg-type]  # it is our Connection that calls it
        http=Connection,
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(KEEP_ALIVE_S),
        timeout_graceful_shutdown=1,
        backlog=4096,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the worker does."""
        yield

    async def stop_accepting(self) -> None:
        """Take no new connections, and no further request on those that are idle."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(JUST_CONNECTED_S)
        for connection in list(self.server_state.connections):
            connection.shutdown()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Find the fastest event loop there is; on Windows it is Python's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
