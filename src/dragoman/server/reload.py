"""Reads the configuration again when it has changed: whole and sound, or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from dragoman.config import Config
from dragoman.config.adapted import FOLDER
from dragoman.errors import ConfigError
from dragoman.registry import Discovered
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.gateway import Gateway
from dragoman.server.limits.limits import check_limits

log = logging.getLogger("dragoman.server")

INTERVAL_S = 0.5

Reading: TypeAlias = tuple[Config, Discovered, Mapping[str, str]]
"""The configuration, what providers listed of their models, the variables."""

_Seen: TypeAlias = dict[Path, tuple[int, int, int] | None]


class Reloader:
    """Keeps a gateway's snapshot up to date with the files that it came from.

    A file with an error that was not there before changes nothing: the last good configuration
    stays, and the log says why. So it is with a file that is gone, which may have guarded us: that
    it is meant is said with an empty one. `prepare` is waited for before a configuration comes into
    force.
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
        self._read = read
        self._listening = listening
        self._directory = directory
        self._prepare = prepare
        self._known = _problems(gateway.snapshot.config)
        self._seen = _look(_paths(gateway.snapshot.config))
        self._reloading = asyncio.Lock()

    async def watch(self, interval_s: float = INTERVAL_S) -> None:
        """Look at the files for ever; reload when one of them has changed.

        A file that is being written is empty at first, and an empty file is a sound configuration
        of nothing: what has changed is read once it has stayed the same for a look.
        """
        before = self._seen
        while True:
            await asyncio.sleep(interval_s)
            now = _look(self._seen)
            if now != self._seen and now == before:
                await self.reload()
            before = now

    async def reload(self) -> bool:
        """Read everything again, and swap it in. False when it could not be used."""
        async with self._reloading:
            self._seen = _look(self._seen)
            try:
                # A thread, because secrets may come from commands that take their time.
                config, discovered, env = await asyncio.to_thread(self._read)
                self._check(config)
                check_limits(config, env)
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
            self._known = _problems(config)
            self._seen = {**_look(_paths(config)), **self._seen}
            log.warning("the configuration was reloaded")
            return True

    def _check(self, config: Config) -> None:
        """Raises: ConfigError for what no gateway starts with, and what was better before."""
        config.check_guards()
        for path in _found(self._gateway.snapshot.config) - _found(config):
            raise ConfigError(
                "was read before and is gone",
                place=str(path),
                hint="put it back; to be without it, leave an empty file there, or restart",
            )
        for problem in config.problems:
            if str(problem) not in self._known:
                raise problem


def _problems(config: Config) -> list[str]:
    return [str(problem) for problem in config.problems]


def _found(config: Config) -> set[Path]:
    """Say which files were read; adapters guard nothing, and come and go."""
    return {file.path for file in config.files if file.found and file.path.parent.name != FOLDER}


def _with_fix(error: ConfigError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)


def _paths(config: Config) -> Iterable[Path]:
    """List the files, and the folders in which adapters may appear."""
    paths = [file.path for file in config.files]
    return [*paths, *dict.fromkeys(path.parent / FOLDER for path in paths)]


def _look(paths: Iterable[Path]) -> _Seen:
    """See what state files are in; None for one that is not there."""
    found: _Seen = {}
    for path in paths:
        try:
            stat = path.stat()
            found[path] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except OSError:
            found[path] = None
    return found
