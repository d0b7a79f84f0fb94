"""A place at a provider that we ask only so much: taken before it is asked, given back after."""

from __future__ import annotations

import math
from collections.abc import Callable

from dragoman.engine.call import Call
from dragoman.engine.steps import Flow, Sleep, Wait
from dragoman.routing.limits import full
from dragoman.types.provider import NO_LIMITS, Provider
from dragoman.types.usage import Usage


class Place:
    """Whoever has taken it leaves it once. Make one with `place_at`."""

    __slots__ = ("_call", "_gate", "_provider", "_tokens")

    def __init__(self, call: Call, provider: Provider) -> None:
        self._call = call
        self._provider = provider
        self._gate = call.around.gate(provider)
        self._tokens = None if provider.limits.tpm is None else call.dialogue.estimate

    def take(self, *, patient: bool, waited: Callable[[], None]) -> Flow[None]:
        """Take it. Who is `patient` waits for it, and is told whenever it has `waited`.

        Raises: RateLimited.
        """
        gate, clock, deadline = self._gate, self._call.around.clock, self._call.deadline
        while wait := gate.enter(self._tokens or 0, clock()):
            left = deadline - clock()
            if not patient or min(wait, left) <= 0 or (wait > left and not math.isinf(wait)):
                raise full(self._provider.name, None if math.isinf(wait) else wait)
            yield Wait(gate, left) if math.isinf(wait) else Sleep(wait)
            waited()

    def leave(self, usage: Usage | None) -> None:
        """Give it back, and tell how many more tokens were used than it was taken for."""
        used = (usage.total_tokens or 0) if usage else 0
        self._gate.leave(used - self._tokens if used and self._tokens is not None else 0)


def place_at(call: Call, provider: Provider) -> Place | None:
    """Make a place at a provider; None where there is no end of them."""
    return None if provider.limits == NO_LIMITS else Place(call, provider)
