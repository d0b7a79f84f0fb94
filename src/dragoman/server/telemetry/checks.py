"""Asks providers now and then whether they are there: for their models, which costs nothing.

Of several workers one asks, and leaves what it heard in the folder that they share. A provider that
does not answer is asked last until it does; one that answers, whatever it says short of 5xx, is up.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
from msgspec import Struct

from dragoman.engine.secrecy import hide_words
from dragoman.errors import ConfigError, DragomanError, ServerError
from dragoman.probe.model_list import model_list
from dragoman.routing.health import Health
from dragoman.server.admission.snapshot import Snapshot
from dragoman.server.admission.tenants import Tenants
from dragoman.server.telemetry.turns import Name, Turns
from dragoman.transport.dial import Network
from dragoman.types.checked import Checked
from dragoman.types.provider import Provider

if TYPE_CHECKING:
    from dragoman.transport.sync import SyncTransport

log = logging.getLogger("dragoman.server")

TICK_S = 1.0
AT_ONCE = 8
"""So many are asked at a time of the operator's, and so many of the organisations'."""
PATIENCE_S = 5.0
"""So long a look waits for answers. Those that come later are heard by a later one."""
FAILURES = 3
"""So many failures of requests in a row, and a provider that nobody asks is down, too."""
LOCK = "checks.lock"
FOUND = "checks.json"


class Heard(Struct, frozen=True):
    """What a provider was last found to be; `reason` None: it is there. `at` is Unix time.

    `code` is that of the error, as `errors.py` has it.
    """

    organisation_id: str | None
    provider: str
    at: float
    reason: str | None = None
    code: str | None = None


class Checks:
    """Knows which providers answer. `snapshot` gives the one in force, `network` the policy."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        tenants: Tenants | None,
        network: Callable[[], Network],
        folder: Path | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._snapshot = snapshot
        self._tenants = tenants
        self._network = network
        self._folder = folder
        self._patience_s = patience_s
        self._lock: IO[str] | None = None
        self._heard: dict[Name, Heard] = {}
        self._due: dict[Name, float] = {}
        self._stamp = 0
        # Threads of their own: those that wait for silent providers are missed by nobody else, and
        # those that wait for an organisation's not by the operator.
        self._threads, self._tenants_threads = (
            ThreadPoolExecutor(AT_ONCE, "provider-check") for _ in range(2)
        )
        self._asking: dict[Name, asyncio.Future[DragomanError | None]] = {}
        self._open: set[SyncTransport] = set()
        self.turns = Turns(folder)

    async def watch(self, tick_s: float = TICK_S) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(tick_s)
            await self.look()

    async def look(self) -> None:
        """Ask whoever is due, or hear what another worker was told; and note what is down."""
        watched = dict(self._watched())
        if self._leads():
            await self._ask_due(watched)
        else:
            await asyncio.to_thread(self._read)
        self._note(watched)

    def _watched(self) -> Iterator[tuple[Name, Provider]]:
        """Go through the providers that are checked: the operator's, and those of who has asked."""
        snapshot = self._snapshot()
        views = self._tenants.views() if self._tenants is not None else ()
        own = (provider for view in views for provider in view.own)
        for provider in (*snapshot.config.custom, *own):
            usable = provider.enabled and not provider.problems
            if provider.check is not None and usable and provider.base_url.startswith("http"):
                yield (provider.organisation_id, provider.name), provider

    def last(self, whose: Name) -> Checked | None:
        """Say what came of the last time; None: it was not asked, or not of late."""
        heard = self._heard.get(whose)
        return None if heard is None else Checked(heard.at, heard.code)

    def close(self) -> None:
        """Leave it to another worker to ask, and wait for nobody's answer."""
        for asked in self._asking.values():
            asked.cancel()
        for threads in (self._threads, self._tenants_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        # Else the process would end only when the last of the threads does.
        for transport in list(self._open):
            transport.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # --------------------------------------------------------------------------------- asking

    async def _ask_due(self, watched: dict[Name, Provider]) -> None:
        now = self._snapshot().around.clock()
        loop = asyncio.get_running_loop()
        for name, provider in watched.items():
            assert provider.check is not None
            # The first question is asked once the worker has had time to begin.
            due = self._due.setdefault(name, now + min(provider.check.interval, 2.0))
            if due <= now and name not in self._asking:
                self._due[name] = now + provider.check.interval
                threads = self._threads if name[0] is None else self._tenants_threads
                self._asking[name] = loop.run_in_executor(threads, self._ask, provider)
        for gone in self._due.keys() - watched.keys():
            if not self._is_unseen(gone):
                del self._due[gone]
                self._heard.pop(gone, None)
        if self._asking:
            await asyncio.wait(self._asking.values(), timeout=self._patience_s)
            await self._hear()

    async def _hear(self) -> None:
        """Note who has answered, and share it."""
        done = [name for name, asked in self._asking.items() if asked.done()]
        for name in done:
            wrong = self._asking.pop(name).result()
            if name in self._due:
                reason, code = (wrong.message, wrong.code) if wrong is not None else (None, None)
                at = self._snapshot().around.wall()
                self._heard[name] = Heard(*name, at=at, reason=reason, code=code)
        if done:
            await asyncio.to_thread(self._write)

    def _ask(self, provider: Provider) -> DragomanError | None:
        """Ask a provider; say why it is down, None when it is up."""
        from dragoman.transport.sync import SyncTransport

        assert provider.check is not None
        transport = SyncTransport(network=self._network())
        self._open.add(transport)
        try:
            models = model_list(provider, self._snapshot().around.secrets)
            reply = models.ask(transport, provider.check.timeout)
        except ConfigError:
            return None  # it is ours to mend: whoever asks for it is told
        except DragomanError as error:
            if provider.egress == "organisation":
                hide_words(error)
            return error
        finally:
            self._open.discard(transport)
            transport.close()
        if reply is not None and reply.status >= 500:
            return ServerError(f"it answered {reply.status}")
        return None

    # -------------------------------------------------------------------------------- sharing

    def _leads(self) -> bool:
        """Whether it falls to this worker to ask; once it does, it stays so until it ends."""
        if self._folder is None or self._lock is not None:
            return True
        import fcntl

        file = (self._folder / LOCK).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._lock = file
        return True

    def _write(self) -> None:
        if self._folder is None:
            return
        draft = self._folder / f"{FOUND}.{os.getpid()}"
        try:
            draft.write_bytes(msgspec.json.encode(list(self._heard.values())))
            draft.replace(self._folder / FOUND)
        except OSError as error:
            log.warning("which providers are there could not be shared: %s", error)

    def _read(self) -> None:
        assert self._folder is not None, "whoever is alone leads"
        path = self._folder / FOUND
        try:
            stamp = path.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            heard = msgspec.json.decode(path.read_bytes(), type=list[Heard])
        except FileNotFoundError:
            return
        self._stamp = stamp
        self._heard = {(one.organisation_id, one.provider): one for one in heard}

    # ------------------------------------------------------------------------------- noticing

    def _note(self, watched: dict[Name, Provider]) -> None:
        """Have requests avoid what is down, and tell who wants to know."""
        around = self._snapshot().around
        now, wall = around.clock(), around.wall()
        outages = around.health.outages
        down: dict[Name, str | None] = {}
        for name, provider in watched.items():
            assert provider.check is not None
            heard = self._heard.get(name)
            # In case that nobody asks any more: what was heard holds for three questions.
            holds = 3 * (provider.check.interval + provider.check.timeout)
            if heard is None or heard.reason is None or wall - heard.at > holds:
                outages.end(provider)
                continue
            outages.begin(provider, now + holds - (wall - heard.at))
            down[name] = heard.reason
        for name, reason in self._failing():
            if name not in watched:
                down.setdefault(name, reason)
        answering = self._answering(watched)
        self.turns.note(down.items(), wall, answering, self._is_gone, self._is_unseen)

    def _is_gone(self, name: Name) -> bool:
        """Whether it was configured, and is no more."""
        whose, provider = name
        if whose is None:
            return all(one.name != provider for one in self._snapshot().config.custom)
        return self._tenants is not None and self._tenants.lacks(whose, provider)

    def _is_unseen(self, name: Name) -> bool:
        """Whether nothing is known of it now: its organisation has not asked since a change."""
        whose, _ = name
        if whose is None or self._tenants is None or self._is_gone(name):
            return False
        return not self._tenants.sees(whose)

    def _answering(self, watched: dict[Name, Provider]) -> Iterator[Name]:
        """Go through those that were told to be down before we began, and have answered since."""
        for name in self.turns.doubtful:
            heard = self._heard.get(name)
            if name in watched:
                answers = heard is not None and heard.reason is None
            else:
                whose, provider = name
                answers = any(health.answered(provider) for health in self._health_of(whose))
            if answers:
                yield name

    def _health_of(self, organisation_id: str | None) -> Iterator[Health]:
        if organisation_id is None:
            yield self._snapshot().around.health
        for view in self._tenants.views() if self._tenants is not None else ():
            if any(one.organisation_id == organisation_id for one in view.own):
                yield view.whole.around.health

    def _failing(self) -> Iterator[tuple[Name, str]]:
        """Go through the providers whose answers have failed several times in a row."""
        snapshot = self._snapshot()
        custom = {provider.name for provider in snapshot.config.custom}
        for name in snapshot.around.health.failing(FAILURES) & custom:
            yield (None, name), "its last answers have all failed"
        views = self._tenants.views() if self._tenants is not None else ()
        for view in views:
            own = {provider.name: provider for provider in view.own if provider.enabled}
            for name in view.whole.around.health.failing(FAILURES) & own.keys():
                whose = own[name].organisation_id
                yield (whose, name), "its last answers have all failed"
