"""What the log has been told: once, so that it does not stand there for every request."""

from __future__ import annotations

from collections.abc import Hashable

LIMIT = 100
"""So many are remembered; then all are forgotten, and told again."""


class Complaints:
    """Remembers what has been complained of."""

    def __init__(self) -> None:
        self._told: set[Hashable] = set()

    def is_new(self, complaint: Hashable) -> bool:
        """Whether this is the first time; from now on it is not."""
        if complaint in self._told:
            return False
        if len(self._told) >= LIMIT:
            self._told.clear()
        self._told.add(complaint)
        return True
