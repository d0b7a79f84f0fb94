"""What servers have taught us: the memory that all exchanges share.

Law: what was learned holds for one provider, origin and model. It is looked for before a request is
written, and costs nothing to speak of where nothing was learned.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

from msgspec.structs import replace

from dragoman.config.learned import Learned
from dragoman.types.route import Deployment
from dragoman.wire.repair import MOST_REPAIRS, Repair, fit

LOOK_AGAIN_S = 10.0
"""So long is what was read taken as it is: another process may have learned, or been told to
forget."""
MOST_KEYS = 1024

Key: TypeAlias = tuple[str, str, str]
"""Provider, origin, model."""


class Keeper(Protocol):
    """What lasts longer than the process."""

    def load(self, provider: str, origin: str, model: str) -> Learned | None:
        """Read what is kept of a model."""
        ...

    def save(self, learned: Learned) -> None:
        """Keep it. Raises: OSError."""
        ...


class Fitted(NamedTuple):
    """A deployment with what was learned of it. `anew`: the request must be written anew."""

    deployment: Deployment
    anew: bool


class Learning:
    """The memory. Without a keeper it lasts as long as the process. Threads may share it."""

    def __init__(self, keeper: Keeper | None = None) -> None:
        self._keeper = keeper
        self._known: dict[Key, tuple[float, Learned | None]] = {}
        self._lock = threading.Lock()

    def find(self, key: Key, now: float) -> tuple[Repair, ...]:
        """Find what was learned of a model. `now` is Unix time."""
        if self._keeper is None and not self._known:
            return ()
        known = self._known.get(key)
        if known is None or (self._keeper is not None and now - known[0] >= LOOK_AGAIN_S):
            learned = self._keeper.load(*key) if self._keeper is not None else None
            known = self._put(key, now, learned)
        learned = known[1]
        return learned.repairs if learned is not None and learned.counts(now) else ()

    def fit(
        self, deployment: Deployment, origin: str, now: float, more: Sequence[Repair] = ()
    ) -> Fitted:
        """Put what was learned, and `more`, into a deployment's dialect."""
        repairs = (*self.find((deployment.provider.name, origin, deployment.model), now), *more)
        if not repairs:
            return Fitted(deployment, anew=False)
        provider = deployment.provider
        fitted = replace(provider, dialect=fit(provider.dialect, repairs))
        anew = any(repair.is_inside for repair in repairs)
        return Fitted(replace(deployment, provider=fitted), anew)

    def learn(self, key: Key, repairs: Sequence[Repair], said: str, now: float) -> str | None:
        """Remember. Returns: why it could not be kept for other processes, None when it was."""
        both = tuple(dict.fromkeys((*self.find(key, now), *repairs)))[-MOST_REPAIRS:]
        learned = Learned(
            provider=key[0], origin=key[1], model=key[2], at=now, repairs=both, said=said[:300]
        )
        self._put(key, now, learned)
        if self._keeper is None:
            return None
        try:
            self._keeper.save(learned)
        except OSError as error:
            self._put(key, float("inf"), learned)  # nothing to look for: it lives here alone
            return error.strerror or type(error).__name__
        return None

    def _put(self, key: Key, at: float, learned: Learned | None) -> tuple[float, Learned | None]:
        with self._lock:
            if len(self._known) >= MOST_KEYS:
                self._known.clear()
            known = self._known[key] = (at, learned)
        return known
