"""What a worker that takes another's place is given: the configuration that the others have."""

from __future__ import annotations

import logging

from msgspec.structs import replace

from dragoman.config import Secrets
from dragoman.errors import ConfigError
from dragoman.server.admission.access import Door
from dragoman.server.assembly import Work
from dragoman.server.sources import Sources

log = logging.getLogger("dragoman.server")


class Succession:
    """Keeps `work` up to date with the files, as workers keep themselves.

    Without it a worker that takes another's place would begin with what guarded us at the start.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self._sources = Sources(work.reading[0], work.read)

    def look(self) -> None:
        """Read the files again where they have changed; what is not sound the workers tell."""
        if not self._sources.have_changed():
            return
        try:
            reading = self._sources.read()
            config, _, env = reading
            Door(config.server, config.gateway_keys, Secrets(env), self.work.listening)
        except ConfigError:
            return
        except Exception:  # who looks after the workers must not end of it
            log.exception("the configuration was not read for workers to come")
            return
        self._sources.accept(config)
        self.work = replace(self.work, reading=reading)
