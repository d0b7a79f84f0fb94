"""Reads the configuration again when it has changed: whole and sound, or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from dragoman.config import Config
from dragoman.errors import ConfigError
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.gateway import Gateway
from dragoman.server.sources import Reading, Sources

log = logging.getLogger("dragoman.server")

INTERVAL_S = 0.5


class Reloader:
    """Keeps a gateway's snapshot up to date with the files that it came from.

    What is not sound changes nothing: the last good configuration stays, and the log says why; see
    `Sources`. What is odd in one that is taken is told in the log, once. `prepare` is waited for
    before a configuration comes into force.
    """

    def __init__(
        self,
        gateway: Gateway,
        read: Callable[[], Reading],
        listening: str,
        directory: Directory | None = None,
        prepare: Callable[[Config], Awaitable[None]] | None = None,
    ) -> None:
        self._gateway = gateway
        self._sources = Sources(gateway.snapshot.config, read)
        self._listening = listening
        self._directory = directory
        self._prepare = prepare
        self._reloading = asyncio.Lock()

    async def watch(self, interval_s: float = INTERVAL_S) -> None:
        """Look at the files for ever; reload when one of them has changed."""
        while True:
            await asyncio.sleep(interval_s)
            if self._sources.have_changed():
                await self.reload()

    async def reload(self) -> bool:
        """Read everything again, and swap it in. False when it could not be used."""
        async with self._reloading:
            try:
                # A thread, because secrets may come from commands that take their time.
                config, discovered, env = await asyncio.to_thread(self._sources.read)
                snapshot = await asyncio.to_thread(
                    take_snapshot,
                    config,
                    self._gateway.snapshot.around,
                    discovered=discovered,
                    listening=self._listening,
                    env=env,
                    directory=self._directory,
                )
            except ConfigError as error:
                log.warning("the configuration was not reloaded: %s", _with_fix(error))
                return False
            if self._prepare is not None:
                await self._prepare(config)
            self._gateway.snapshot = snapshot
            odd = self._sources.accept(config)
            log.warning("the configuration was reloaded")
            for note in odd:
                log.warning("in the configuration: %s", _with_fix(note))
            return True


def _with_fix(error: ConfigError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)
