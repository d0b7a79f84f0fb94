"""What was answered before: from the cache, or for the same `Idempotency-Key`.

An exchange that is answered so has no attempt and costs nothing. It is in the ledger, and counts
where requests are counted.

Law: the `Idempotency-Key` is asked about first. What the cache answers to the first request is what
its value stands for from then on.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from dragoman.engine.call import Call
from dragoman.server.admission.snapshot import Admission, Snapshot
from dragoman.server.http.aside import aside
from dragoman.server.http.messages import Reply, Request
from dragoman.server.http.multipart import unbound
from dragoman.server.http.recorder import Recorder
from dragoman.server.policies.cache import Shelf, cache_key, may_be_kept
from dragoman.server.policies.once import HEADER, REPLAYED, SIZE_LIMIT, Hold, Once
from dragoman.types.exchange import Replayed
from dragoman.types.kept import KeptAnswer
from dragoman.types.server import CacheSettings

CACHE = "x-dragoman-cache"


class Found(Struct, frozen=True):
    """An answer that was given before."""

    answer: KeptAnswer
    how: Replayed

    def head(self, now: float) -> Mapping[str, str]:
        """What its head says, beside what every answer's says."""
        if self.how == "idempotency":
            return {**self.answer.headers, REPLAYED: "true"}
        age = max(int(now - self.answer.at), 0)
        return {**self.answer.headers, CACHE: "hit", "age": str(age)}


class Task(Struct):
    """What is to be done with the answer, as far as is known by now."""

    hold: Hold | None = None
    key: str | None = None
    settings: CacheSettings | None = None


class Keeping:
    """Looks for an answer before anybody is asked, and keeps what was answered."""

    def __init__(self, shelf: Shelf, once: Once) -> None:
        self.shelf = shelf
        self.once = once

    def concerns(self, request: Request, snapshot: Snapshot) -> bool:
        """Whether an answer may be there, or is to be kept."""
        wanted = snapshot.cache is not None or HEADER in request.headers
        return wanted and request.method == "POST"

    async def look(
        self,
        task: Task,
        call: Call,
        request: Request,
        admission: Admission,
        body: bytes,
        *,
        asked: bytes,
        cacheable: bool,
    ) -> Found | None:
        """Look for an answer, and note when there is one that nobody will be asked.

        `asked` is the body as the client sent it, `body` as it goes on. `task` is told at once what
        is to be done in the end, whatever happens on the way: it has to be settled.

        Raises: what `Once.claim` raises.
        """
        found = await self._claimed(task, call, request, admission, asked)
        if found is None and cacheable:
            found = await self._shelved(task, call, request, admission.snapshot, body)
        if found is not None:
            call.exchange.replayed = found.how
            call.exchange.warnings.extend(found.answer.warnings)
        return found

    async def _claimed(
        self, task: Task, call: Call, request: Request, admission: Admission, asked: bytes
    ) -> Found | None:
        """Find what was answered for the same `Idempotency-Key`, or claim it."""
        value = request.headers.get(HEADER)
        if value is None:
            return None
        same = unbound(asked, request.headers.get("content-type", ""))
        claim = await self.once.claim(call, admission.principal.owner, value, same)
        if isinstance(claim, Hold):
            task.hold = claim
            return None
        assert claim.answer is not None, "a claim that is not ours has an answer"
        return Found(claim.answer, "idempotency")

    async def _shelved(
        self, task: Task, call: Call, request: Request, snapshot: Snapshot, body: bytes
    ) -> Found | None:
        """Find what the cache has, or have what will be answered kept there."""
        control = request.headers.get("cache-control", "").lower()
        if snapshot.cache is None or "no-store" in control:
            return None
        key = await aside(len(body), lambda: cache_key(call, body, snapshot))
        if key is None:
            return None
        if "no-cache" not in control:
            answer = await self.shelf.find(key, call.around.wall())
            if answer is not None:
                return Found(answer, "cache")
        call.told[CACHE] = "miss"
        task.key, task.settings = key, snapshot.cache
        return None

    def record(self, reply: Reply, ping: bytes) -> Reply:
        """Have a reply remembered, unless it is."""
        return reply if isinstance(reply, Recorder) else Recorder(reply, SIZE_LIMIT, (ping,))

    async def settle(self, task: Task, call: Call, reply: Reply) -> None:
        """Keep what was answered, as far as it is to be kept."""
        if not isinstance(reply, Recorder):  # the answer was there, and nobody comes back for it
            return
        if task.key is not None and task.settings is not None:
            answer = reply.answer(call.around.wall(), call.exchange.warnings)
            fits = answer is not None and len(answer.body) <= task.settings.entry_size
            if answer is not None and fits and may_be_kept(call, answer):
                await self.shelf.keep(task.key, answer, task.settings.ttl)
        if task.hold is not None:
            await self.once.settle(task.hold, call, reply)
