"""What one attempt does about a refusal that names what the server does not know.

The request is mended and asked again at the same deployment, at most `MOST` times, each time for
something that was not complained of before. What helped is remembered for the next request, and
told once; what did not help is forgotten with the attempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dragoman.engine.call import Call
from dragoman.engine.outgoing import Outgoing
from dragoman.errors import UpstreamError
from dragoman.types.route import Deployment
from dragoman.wire import get_format
from dragoman.wire.repair import Repair

MOST = 3
"""Servers that name one thing at a time mostly know two or three others."""


class Mending:
    """The repairs of one attempt."""

    def __init__(self, call: Call, deployment: Deployment) -> None:
        self._call = call
        self._deployment = deployment
        self._said = ""
        self._times = 0
        self.repairs: tuple[Repair, ...] = ()

    def mend(self, outgoing: Outgoing, error: UpstreamError, body: bytes) -> bool:
        """Whether to ask again, with `repairs`. `body` is the error's."""
        provider = self._deployment.provider
        if (
            self._times >= MOST
            or outgoing.place is None
            or not provider.learn
            or outgoing.target.format is not get_format(provider.api)
        ):
            return False
        from dragoman.wire.complaints import find_repairs  # 10 ms that few need

        found = find_repairs(error, body, outgoing.request.body)
        fresh = tuple(repair for repair in found if repair not in self.repairs)
        undone = {(repair.new, repair.name) for repair in self.repairs if repair.kind == "rename"}
        if not fresh or any((repair.name, repair.new) in undone for repair in fresh):
            return False
        self._times += 1
        self._said = error.message
        self.repairs += fresh
        return True

    def news_of(self, warnings: Sequence[str]) -> Iterator[str]:
        """Leave out of a mended request's warnings what `remember` will say."""
        for warning in warnings:
            if not any(warning.startswith(f"{repair.name} is not sent") for repair in self.repairs):
                yield warning

    def remember(self, outgoing: Outgoing) -> str | None:
        """Remember what helped. Returns: the sentence to tell."""
        if outgoing.place is None:
            return None
        around = self._call.around
        key = (self._deployment.provider.name, outgoing.place, self._deployment.model)
        why_not = around.learning.learn(key, self.repairs, self._said, around.wall())
        changes = "; ".join(map(str, self.repairs))
        kept = "" if why_not is None else f" (remembered by this process alone: {why_not})"
        ref = self._deployment.ref
        return f"{ref} refused the request as it was: from now on {changes}{kept}"
