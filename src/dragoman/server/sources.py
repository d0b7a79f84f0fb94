"""The files of a configuration: whether they have changed, and what they say when that is sound."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from dragoman.config import Config
from dragoman.config.adapted import FOLDER
from dragoman.config.files import Stamp, stamp
from dragoman.errors import ConfigError
from dragoman.registry import Discovered
from dragoman.server.limits.limits import check_limits

Reading: TypeAlias = tuple[Config, Discovered, Mapping[str, str]]
"""The configuration, what providers listed of their models, the variables."""

_POSITION = re.compile(r"(:\d+){1,2}$")
"""Where in its file a place is: a line, or a line and a column."""


class Sources:
    """The files that `config` came from, which `read` reads again.

    A file with an error that was not there before is not sound, nor is one that is gone, which may
    have guarded us: that it is meant is said with an empty one.
    """

    def __init__(self, config: Config, read: Callable[[], Reading]) -> None:
        self._read = read
        self._good = config
        self._seen = self._before = config.stamps

    def have_changed(self) -> bool:
        """Look at the files: whether they are others than those that were read last.

        A file that is being written is empty at first, and an empty file is a sound configuration
        of nothing: what has changed is to be read once it has stayed the same for a look.
        """
        before, self._before = self._before, self._look()
        return self._before != self._seen and self._before == before

    def read(self) -> Reading:
        """Read everything again. Raises: ConfigError for what is not sound."""
        self._seen = self._look()
        reading = self._read()
        config, _, env = reading
        self._check(config)
        check_limits(config, env)
        return reading

    def accept(self, config: Config) -> list[ConfigError]:
        """Take note that what was read is in force. Returns: what is odd in it that was not."""
        odd = list(_added(self._good.notes, config.notes))
        self._good = config
        self._seen = config.stamps
        return odd

    def _look(self) -> Mapping[Path, Stamp | None]:
        return {path: stamp(path) for path in self._seen}

    def _check(self, config: Config) -> None:
        """Raises: ConfigError for what no gateway starts with, and what was better before."""
        config.check_guards()
        for path in _found(self._good) - _found(config):
            raise ConfigError(
                "was read before and is gone",
                place=str(path),
                hint="put it back; to be without it, leave an empty file there, or restart",
            )
        for problem in _added(self._good.problems, config.problems):
            raise problem


def _found(config: Config) -> set[Path]:
    """Say which files were read; adapters guard nothing, and come and go."""
    return {file.path for file in config.files if file.found and file.path.parent.name != FOLDER}


def _added(before: Iterable[ConfigError], now: Iterable[ConfigError]) -> Iterator[ConfigError]:
    """Find what was not said before; what only stands in another line now was."""
    known = Counter(map(_apart, before))
    for error in now:
        said = _apart(error)
        known[said] -= 1
        if known[said] < 0:
            yield error


def _apart(error: ConfigError) -> tuple[str, str]:
    """Say in which file something is wrong, and what; not where in it."""
    place = error.place or ""
    return _POSITION.sub("", place), str(error).removeprefix(place)
