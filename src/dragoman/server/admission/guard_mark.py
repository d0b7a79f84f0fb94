"""Remembers on this machine whether a database had an operator or organisations when last seen.

Without it, a gateway that starts while its database is away could not tell one that is its user's
alone from one that asks everybody for a key.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping

from dragoman.config.files import data_folder
from dragoman.store.database import Place

log = logging.getLogger("dragoman.server")


class GuardMark:
    """A file that is there as long as the database is guarded; several workers may keep it.

    `stands` is True as well when nobody can say.
    """

    def __init__(self, env: Mapping[str, str], place: Place) -> None:
        name = hashlib.sha256(str(place).encode()).hexdigest()[:16]
        self._path = data_folder(env) / "guarded" / name

    @property
    def stands(self) -> bool:
        """Whether the database was guarded when somebody here last saw it."""
        try:
            return self._path.exists()
        except OSError:
            return True

    def put(self, guarded: bool) -> None:
        """Note what is true now. What cannot be noted is told, and holds nobody up."""
        if guarded == self.stands:
            return
        try:
            if guarded:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._path.touch(mode=0o600)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("it cannot be noted here whether keys are needed: %s", error)
