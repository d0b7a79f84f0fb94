"""Counts in Redis, for all workers and replicas together, by its clock.

A worker knows what it has under way, and what it has settled that is not in the database yet. When
Redis comes back without its memory, whoever notices begins a new epoch; every worker enters what it
knows, and until all have had the time to, nothing is taken of quotas. What was used before comes
from the database.

One trip to reserve. What is settled goes into an outbox, in order, and is sent when Redis answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

from msgspec import Struct

from dragoman.ledger.counting import (
    CONCURRENCY_LEASE_S,
    QUOTA_LEASE_S,
    Decision,
    Line,
    Warming,
)
from dragoman.ledger.scripts import ABANDON, ENTER, JOIN, RESERVE, SETTLE, UNDO, WRITTEN
from dragoman.store.database import StoreError
from dragoman.store.redis import Redis, RedisDown, Script, Word
from dragoman.types.allowance import RATES
from dragoman.types.calendar import LENGTHS_S, SLOTS
from dragoman.types.identifier import new_id

PREFIX = "dragoman:{limits}:"
"""The braces keep all of it in one slot of a cluster."""
EPOCH = f"{PREFIX}epoch"
BEAT_S = 0.25
"""How often a worker looks whether Redis still knows what it knew."""
GRACE_MS = 1000
"""How long workers have to enter what they know. Several beats."""
RENEW_S = CONCURRENCY_LEASE_S / 3
KEPT_MS = 7 * 86_400_000
"""A quota that nobody has asked for so long is read from the database when somebody does."""
OUTBOX_LIMIT = 100_000
TOGETHER = 64
TRIES = 5
_AWAY = (
    "Redis is away (%s): until it is back, requests under strict budgets and quotas are answered"
    " 503, and each worker keeps limits of a minute for itself. Bring it back, or correct"
    " DRAGOMAN_REDIS_URL and restart"
)

log = logging.getLogger("dragoman.server")


class Consumed(Struct, frozen=True):
    """What an exchange took of a quota, now in the database; `total` is what it has by now."""

    hold: str
    allowance_id: str
    subject: str
    since: int
    total: int


class _Entry(Struct):
    """What a worker knows of one hold: counters with what is reserved or used of each."""

    lines: list[tuple[str, str, int]]
    """Kind, key, amount."""
    state: str
    at: float


class RedisCounters:
    """See `Counters`. `read_used` reads from the database what was used of quotas.

    `worker` is what this one's journal is called: by it is known whose a reservation was.
    """

    shared = True

    def __init__(
        self,
        redis: Redis,
        read_used: Callable[[Sequence[Line]], Awaitable[Sequence[int]]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker = ""
        self._redis = redis
        self._read_used = read_used
        self._clock = clock
        self._epoch: str | None = None
        self._joined = False
        self._failing = False
        self._asked = 0
        self._joining = asyncio.Lock()
        self._live: dict[str, _Entry] = {}
        self._outbox: deque[tuple[Script, list[str], list[Word]]] = deque()
        self._filled = asyncio.Event()
        self._tasks = [asyncio.ensure_future(self._send()), asyncio.ensure_future(self._beat())]

    @property
    def gone(self) -> bool:
        """See `Counters.gone`."""
        return self._redis.gone

    async def begin(self) -> None:
        """Meet Redis before anybody waits for it. Raises: StoreError."""
        await self._join()

    async def reserve(self, hold: str, lines: Sequence[Line], now: float) -> Decision:
        """See `Counters.reserve`."""
        del now
        # A request that waits for a provider asks again and again, and each time it is another.
        self._asked += 1
        question = f"{PREFIX}said:{hold}:{self._asked}"
        keys = [EPOCH, question, *(PREFIX + line.key for line in lines)]
        unknown = False
        bases: list[int | None] = [None] * len(lines)
        for _ in range(TRIES):
            try:
                epoch = self._epoch or await self._join()
                values: list[Word] = [hold, epoch]
                for line, base in zip(lines, bases, strict=True):
                    values += _said(line, base)
                values.append(self.worker)
                answer = await self._redis.run(RESERVE, keys, values)
            except RedisDown as error:
                if error.unknown and not unknown and not self._redis.away:
                    unknown = True
                    continue
                if error.unknown or unknown:  # it may yet be done, and then it has to be undone
                    self._undo(hold, keys[1:], lines)
                raise
            except asyncio.CancelledError:
                self._undo(hold, keys[1:], lines)
                raise
            word = answer[0]
            if word == b"ok":
                return self._decision(hold, lines, answer)
            if word == b"warming":
                raise Warming
            if word == b"base":
                missing = [int(position) for position in answer[1:]]
                used = await self._read_used([lines[position] for position in missing])
                for position, amount in zip(missing, used, strict=True):
                    bases[position] = amount
            elif self._epoch == epoch:
                self._epoch = None
        raise Warming

    def _undo(self, hold: str, keys: list[str], lines: Sequence[Line]) -> None:
        values: list[Word] = [hold]
        for line in lines:
            values += (_kind(line), line.amount)
        self._put(UNDO, keys, values)

    def settle(self, hold: str, lines: Sequence[Line], used: Sequence[int]) -> None:
        """See `Counters.settle`."""
        keys: list[str] = []
        values: list[Word] = [hold]
        kept: list[tuple[str, str, int]] = []
        for line, amount in zip(lines, used, strict=True):
            kind, key = _kind(line), PREFIX + line.key
            keys.append(key)
            values += (kind, line.amount, amount, line.slot, _ms(QUOTA_LEASE_S), KEPT_MS)
            if kind == "q" and amount:
                kept.append((kind, key, amount))
        if kept:
            self._live[hold] = _Entry(kept, "s", self._clock())
        else:
            self._live.pop(hold, None)
        self._put(SETTLE, keys, values)

    def written(self, rows: Sequence[Consumed]) -> None:
        """Take note that what was used is in the database. In the event loop's thread."""
        for start in range(0, len(rows), TOGETHER):
            some = rows[start : start + TOGETHER]
            keys = [f"{PREFIX}{r.allowance_id}:{r.subject}:{r.since}" for r in some]
            values: list[Word] = []
            for row in some:
                values += (row.hold, row.total, KEPT_MS)
                self._live.pop(row.hold, None)
            self._put(WRITTEN, keys, values)

    def abandoned(self, worker: str) -> None:
        """Give back what a dead worker held, after all that it left has been `written`."""
        self._put(ABANDON, [EPOCH], [worker])

    async def flush(self) -> None:
        """Wait until what is settled has been told. Raises: StoreError when Redis is away."""
        while self._outbox:
            if self._redis.away:
                raise RedisDown("Redis does not answer")
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        """Send what is left, if there is somebody to send it to, and stop."""
        with contextlib.suppress(StoreError, TimeoutError):
            await asyncio.wait_for(self.flush(), 1.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._redis.close()

    # -- what a worker knows

    async def _join(self) -> str:
        """Enter what we know into the present epoch, or begin one."""
        async with self._joining:
            if self._epoch is not None:
                return self._epoch
            grace = GRACE_MS if self._joined else 0
            told = await self._redis.run(JOIN, [EPOCH], [new_id("epo"), grace])
            if self._joined:
                log.warning("redis has lost its memory: it is told anew what is in use")
            await self._enter(list(self._live.items()))
            self._joined = True
            self._epoch = told.decode()
            return self._epoch

    async def _enter(self, entries: Sequence[tuple[str, _Entry]]) -> None:
        flat = [(hold, entry, line) for hold, entry in entries for line in entry.lines]
        for start in range(0, len(flat), TOGETHER):
            some = flat[start : start + TOGETHER]
            values: list[Word] = []
            for hold, entry, (kind, _, amount) in some:
                lease = CONCURRENCY_LEASE_S if kind == "c" else QUOTA_LEASE_S
                values += (kind, hold, entry.state, amount, _ms(lease), KEPT_MS)
            values.append(self.worker)
            await self._redis.run(ENTER, [key for _, _, (_, key, _) in some], values)

    async def _beat(self) -> None:
        """Notice a lost memory; renew what lasts long."""
        while True:
            try:
                if self._epoch is not None:
                    name = await self._redis.ask("HGET", EPOCH, "name")
                    if name is None or name.decode() != self._epoch:
                        self._epoch = None
                await self._join()
                since = self._clock() - RENEW_S
                old = [(h, e) for h, e in self._live.items() if e.state == "h" and e.at < since]
                await self._enter(old)
                for _, entry in old:
                    entry.at = self._clock()
                self._note(None)
            except StoreError as error:  # whoever reserves is told, and the next beat tries again
                self._note(error)
            except Exception:  # what is reserved would lapse, and nobody would know why
                log.exception("the counters in Redis are not renewed; it is tried again")
            await asyncio.sleep(BEAT_S)

    def _note(self, error: StoreError | None) -> None:
        """Say once that nothing can be counted in Redis, and once that it can be again.

        One that does not answer for a moment only stumbles: that is said nowhere.
        """
        if error is None:
            if self._failing:
                log.warning("Redis answers again: limits and budgets count in it from now on")
            self._failing = False
        elif not self._failing and (self._redis.gone or not isinstance(error, RedisDown)):
            self._failing = True
            log.warning(_AWAY, error)

    def _decision(self, hold: str, lines: Sequence[Line], answer: Sequence[int]) -> Decision:
        refused: list[int] = []
        taken: list[tuple[str, str, int]] = []
        passed = answer[1] == 1
        for position, line in enumerate(lines):
            at = 2 + position * 6
            no, line.used, line.held, wait_ms, reset_ms, line.slot = answer[at : at + 6]
            kind = _kind(line)
            line.wait_s = None if wait_ms < 0 else wait_ms / 1000
            line.reset_s = reset_ms / 1000
            if no:
                refused.append(position)
            elif kind != "w":
                taken.append((kind, PREFIX + line.key, line.amount))
        if passed and taken:
            self._live[hold] = _Entry(taken, "h", self._clock())
        return Decision(refused, passed)

    # -- the outbox

    def _put(self, script: Script, keys: list[str], values: list[Word]) -> None:
        if len(self._outbox) >= OUTBOX_LIMIT:
            self._outbox.popleft()  # it has a lease, and Redis has been away for long
        self._outbox.append((script, keys, values))
        self._filled.set()

    async def _send(self) -> None:
        while True:
            await self._filled.wait()
            if not self._outbox:
                self._filled.clear()
                continue
            some = list(islice(self._outbox, TOGETHER))
            told = await asyncio.gather(
                *(self._redis.run(*message) for message in some), return_exceptions=True
            )
            down = False
            for message, answer in zip(some, told, strict=True):
                if isinstance(answer, RedisDown):
                    down = True
                    break
                if isinstance(answer, StoreError):
                    log.error("what was used could not be told: %s", answer)
                if self._outbox and self._outbox[0] is message:
                    self._outbox.popleft()
            if down:
                await asyncio.sleep(BEAT_S)


def _kind(line: Line) -> str:
    allowance = line.term.allowance
    if allowance.measure == "concurrency":
        return "c"
    return "w" if allowance.period in RATES else "q"


def _said(line: Line, base: int | None) -> tuple[Word, ...]:
    allowance = line.term.allowance
    kind = _kind(line)
    a: Word = ""
    b: Word = _ms(QUOTA_LEASE_S)
    if kind == "w":
        a, b = LENGTHS_S[allowance.period] * 1000 // SLOTS, SLOTS
    elif kind == "c":
        b = _ms(CONCURRENCY_LEASE_S)
    elif base is not None:
        a = base
    strict = int(line.term.is_strict)
    return (kind, strict, int(line.optional), allowance.amount, line.amount, a, b, KEPT_MS)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
