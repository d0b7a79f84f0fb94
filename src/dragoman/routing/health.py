"""What we remember of deployments: which are cooling after a failure, and which are warm.

One failure is one mark. A mark makes its scope cool for `FIRST_S`, doubled for each further mark
in a row up to `LONGEST_S`; a Retry-After counts instead where the upstream sent one. After that the
scope is half open: one probe goes through, and decides. Only the upstream's own faults mark it; the
caller's mistakes, a client that leaves and limits of our own move nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from dragoman.errors import (
    AdapterError,
    DestinationDenied,
    DragomanError,
    NotFound,
    ProtocolError,
    RateLimited,
    RepeatedItself,
    TransportError,
    UpstreamError,
)
from dragoman.types.exchange import KEPT_BACK
from dragoman.types.provider import Provider
from dragoman.types.route import Deployment

FIRST_S = 5.0
LONGEST_S = 300.0
WARM_S = 300.0  # Ollama and LM Studio unload an idle model after five minutes
MEASURED_S = 600.0  # what was measured longer ago says nothing of now
NEWEST_SHARE = 0.3
PROBE_S = 60.0  # a probe that never reports back holds the door no longer than this


_Scope: TypeAlias = tuple[str, int | None] | tuple[str, int | None, str]
"""A provider with one of its credentials, and perhaps one model there."""


@dataclass(slots=True)
class _Mark:
    until: float
    count: int
    probe_until: float = 0.0


@dataclass(slots=True)
class Outages:
    """The providers that did not answer when they were last asked whether they are there.

    Shared by everybody who asks them: each is known by whose it is, and its name. What is told
    holds until a time of the caller's monotonic clock, in case nobody looks again.
    """

    _until: dict[tuple[str | None, str], float] = field(default_factory=dict)

    def begin(self, provider: Provider, until: float) -> None:
        """Note that a provider does not answer."""
        self._until[provider.organisation_id, provider.name] = until

    def end(self, provider: Provider) -> None:
        """Note that it does."""
        self._until.pop((provider.organisation_id, provider.name), None)

    def until(self, provider: Provider) -> float:
        """Until when a provider is taken for away; 0.0 for one that is there."""
        if not self._until:
            return 0.0
        return self._until.get((provider.organisation_id, provider.name), 0.0)

    def names(self, now: float) -> set[str]:
        """Name the operator's providers that are away."""
        return {name for (whose, name), until in self._until.items() if until > now and not whose}


@dataclass(slots=True)
class Health:
    """Shared by all exchanges of a process; times are of the caller's monotonic clock."""

    outages: Outages = field(default_factory=Outages)
    _marks: dict[_Scope, _Mark] = field(default_factory=dict)
    _answered_at: dict[tuple[str, str], float] = field(default_factory=dict)
    _measured: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def cooling_until(self, deployment: Deployment, now: float) -> float:
        """When the deployment may be tried again; 0.0 when it may be now."""
        until = self.outages.until(deployment.provider)
        if not self._marks:
            return until if until > now else 0.0
        for scope in _scopes(deployment):
            mark = self._marks.get(scope)
            if mark is not None:
                until = max(until, mark.until, mark.probe_until)
        return until if until > now else 0.0

    def began(self, deployment: Deployment, now: float) -> None:
        """Note that a try starts: in a half-open scope it is the probe, and the only one."""
        if not self._marks:
            return
        with self._lock:
            for scope in _scopes(deployment):
                mark = self._marks.get(scope)
                if mark is not None and mark.until <= now:
                    mark.probe_until = now + PROBE_S

    def failed(self, deployment: Deployment, error: DragomanError, now: float) -> None:
        """Mark the error's scope, if the upstream is to blame."""
        if not _blames_upstream(error):
            return self.released(deployment)
        narrow, wide = _scopes(deployment)
        scope = narrow if isinstance(error, NotFound | RateLimited) else wide
        with self._lock:
            mark = self._marks.setdefault(scope, _Mark(until=0.0, count=0))
            mark.count += 1
            pause = error.retry_after
            if pause is None:
                pause = FIRST_S * 2 ** (mark.count - 1)
            mark.until = now + min(pause, LONGEST_S)
            mark.probe_until = 0.0
        return None

    def succeeded(
        self, deployment: Deployment, now: float, first_token_s: float | None = None
    ) -> None:
        """Clear every mark of the deployment. `first_token_s` is measured where it streamed."""
        self._answered_at[deployment.provider.name, deployment.model] = now
        if first_token_s is not None:
            self._measure(deployment, first_token_s, now)
        if self._marks:
            with self._lock:
                for scope in _scopes(deployment):
                    self._marks.pop(scope, None)

    def _measure(self, deployment: Deployment, first_token_s: float, now: float) -> None:
        """Mix a measurement with those of before, of which the older ones count less and less."""
        key = (deployment.provider.name, deployment.model)
        before = self._measured.get(key)
        if before is not None and now - before[1] < MEASURED_S:
            first_token_s = before[0] + NEWEST_SHARE * (first_token_s - before[0])
        self._measured[key] = (first_token_s, now)

    def latency(self, deployment: Deployment, now: float) -> float | None:
        """Seconds to the first token, as measured in the last minutes; None when it was not."""
        found = self._measured.get((deployment.provider.name, deployment.model))
        return found[0] if found is not None and now - found[1] < MEASURED_S else None

    def released(self, deployment: Deployment) -> None:
        """Let another probe through: the last one ended without a verdict."""
        with self._lock:
            for scope in _scopes(deployment):
                mark = self._marks.get(scope)
                if mark is not None:
                    mark.probe_until = 0.0

    def cooling(self, now: float) -> set[str]:
        """Name the providers of which some credential or model may not be tried now."""
        with self._lock:
            cooling = {scope[0] for scope, mark in self._marks.items() if mark.until > now}
        return cooling | self.outages.names(now)

    def failing(self, count: int) -> set[str]:
        """Name the providers that failed so many times in a row, and have not answered since."""
        with self._lock:
            return {
                scope[0]
                for scope, mark in self._marks.items()
                if mark.count >= count and len(scope) == 2
            }

    def answered(self, provider: str) -> bool:
        """Whether a provider has answered since we began."""
        return any(scope[0] == provider for scope in list(self._answered_at))

    def warm(self, deployment: Deployment, now: float) -> bool:
        """Whether the model answered recently enough to be loaded still."""
        last = self._answered_at.get((deployment.provider.name, deployment.model))
        return last is not None and now - last < WARM_S


def _scopes(deployment: Deployment) -> tuple[_Scope, _Scope]:
    """The narrow scope (one model) and the wide one (the provider), both of one credential."""
    wide = (deployment.provider.name, deployment.credential)
    return (*wide, deployment.model), wide


def _blames_upstream(error: DragomanError) -> bool:
    if isinstance(error, DestinationDenied | RepeatedItself) or error.code in KEPT_BACK:
        return False
    if isinstance(error, UpstreamError):
        return error.failover == "next"
    return isinstance(error, ProtocolError | TransportError | AdapterError)
