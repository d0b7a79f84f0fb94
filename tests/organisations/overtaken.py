"""A desk at which somebody else is served first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dragoman.organisations.desk import Change, Desk


class Overtaken(Desk):
    """Between what is looked at and the next change, `before` runs once."""

    before: Callable[[], object] = staticmethod(lambda: None)

    @contextmanager
    def change(self, *arguments: Any, **named: Any) -> Iterator[Change]:
        before, self.before = self.before, lambda: None
        before()
        with super().change(*arguments, **named) as change:
            yield change
