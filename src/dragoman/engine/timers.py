"""The timers of one attempt: until the first content, between contents, and for the whole."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.engine.call import Call
from dragoman.errors import Phase, Timeout
from dragoman.types.route import Deployment

PLAIN_HEAD_S = 600.0
"""How long a whole answer may take to begin: nothing is sent before its last token is made.
Precedent: the official SDKs' default timeout of ten minutes."""


class Timers:
    """Tells each wait how long it may last, and which timer ran out when it lasted too long.

    Comments and pings of a stream are no content, and reset nothing.
    """

    __slots__ = ("_clock", "_idle_s", "_limit_s", "_phase", "_phase_until", "_total_s", "_until")

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        first_s: float,
        idle_s: float,
        total_s: float,
        until: float,
    ) -> None:
        self._clock = clock
        self._phase: Phase = "first_token"
        self._limit_s = first_s
        self._phase_until = clock() + first_s
        self._idle_s = idle_s
        self._total_s = total_s
        self._until = until

    def left(self) -> float:
        """Seconds that the next wait may last. Raises: Timeout when there are none."""
        left = min(self._phase_until, self._until) - self._clock()
        if left <= 0:
            raise self.expired()
        return left

    def content(self) -> None:
        """Note that content came: from now on silence is what is timed."""
        self._phase = "idle"
        self._limit_s = self._idle_s
        self._phase_until = self._clock() + self._idle_s

    def expired(self) -> Timeout:
        """The error of the timer that ran out first."""
        if self._until <= self._phase_until:
            return Timeout("total", self._total_s)
        return Timeout(self._phase, self._limit_s)


def timers_of(call: Call, deployment: Deployment, *, stream: bool, now: float) -> Timers:
    """Make the timers of an attempt: the call's, else the deployment's, else its provider's."""
    timeouts = deployment.provider.timeouts
    first = PLAIN_HEAD_S
    if stream:
        first = call.options.first_token or deployment.first_token or timeouts.first_token
        if not call.around.health.warm(deployment, now):
            first += timeouts.warm_up
    return Timers(
        call.around.clock,
        first_s=first,
        idle_s=call.options.idle or timeouts.idle,
        total_s=call.total_s,
        until=call.deadline,
    )
