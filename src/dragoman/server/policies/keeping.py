"""What was answered before: from the cache, or for the same `Idempotency-Key`.

An exchange that is answered so has no attempt and costs nothing. It is in the ledger, and counts
where requests are counted.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from dragoman.engine.call import Call
from dragoman.server.admission.snapshot import Admission, Snapshot
from dragoman.server.http.messages import Reply, Request
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


class Task(Struct, frozen=True):
    """What is to be done with the answer that is still to be got."""

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
        call: Call,
        request: Request,
        admission: Admission,
        body: bytes,
        *,
        asked: bytes,
        cacheable: bool,
    ) -> Found | Task:
        """Look for an answer, and note when there is one that nobody will be asked.

        `asked` is the body as the client sent it, `body` as it goes on.

        Raises: what `Once.claim` raises.
        """
        settings, headers = admission.snapshot.cache, request.headers
        control = headers.get("cache-control", "").lower()
        key: str | None = None
        if settings is not None and cacheable and "no-store" not in control:
            key = cache_key(call, body, admission.snapshot)
        found: Found | None = None
        if key is not None and "no-cache" not in control:
            answer = await self.shelf.find(key, call.around.wall())
            found = None if answer is None else Found(answer, "cache")
        hold: Hold | None = None
        if found is None and HEADER in headers:
            claim = await self.once.claim(call, admission.principal.owner, headers[HEADER], asked)
            if isinstance(claim, Hold):
                hold = claim
            else:
                assert claim.answer is not None, "a claim that is not ours has an answer"
                found = Found(claim.answer, "idempotency")
        if found is not None:
            call.exchange.replayed = found.how
            call.exchange.warnings.extend(found.answer.warnings)
            return found
        if key is not None:
            call.told[CACHE] = "miss"
        return Task(hold, key, settings)

    def record(self, reply: Reply, ping: bytes) -> Reply:
        """Have a reply remembered, unless it is."""
        return reply if isinstance(reply, Recorder) else Recorder(reply, SIZE_LIMIT, (ping,))

    async def settle(self, task: Task, call: Call, reply: Reply) -> None:
        """Keep what was answered, as far as it is to be kept."""
        assert isinstance(reply, Recorder), "a task has its reply recorded"
        if task.key is not None and task.settings is not None:
            answer = reply.answer(call.around.wall(), call.exchange.warnings)
            fits = answer is not None and len(answer.body) <= task.settings.entry_size
            if answer is not None and fits and may_be_kept(call, answer):
                await self.shelf.keep(task.key, answer, task.settings.ttl)
        if task.hold is not None:
            await self.once.settle(task.hold, call, reply)
