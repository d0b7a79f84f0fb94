"""Counts in the memory of one process: exact where it is the only one.

What is used of a quota is known from the database at the start; sliding periods and places in use
begin anew, as nothing that was counted there outlives a restart by more than its period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from dragoman.ledger.counting import Decision, Line, Standing
from dragoman.types.allowance import RATES
from dragoman.types.calendar import LENGTHS_S, SLOTS

PRUNE_AT = 10_000
"""So many counters, and those that count nothing any more are let go; again at twice what stays."""


class Window:
    """A sliding period: what was taken in each of its parts. `wait_s`: until some amount fits."""

    __slots__ = ("parts", "total", "width_s")

    def __init__(self, length_s: int) -> None:
        self.width_s = length_s / SLOTS
        self.parts: deque[list[int]] = deque()
        self.total = 0

    def look(self, line: Line, now: float) -> Standing:
        """Say how it stands."""
        parts, width_s = self.parts, self.width_s
        edge = int(now / width_s) - SLOTS
        while parts and parts[0][0] < edge:
            self.total -= parts.popleft()[1]
        over = self.total + line.amount - line.allowance.amount
        wait_s: float | None = 0.0
        if over > 0 and line.amount:
            wait_s = None
            freed = 0
            for slot, amount in parts:
                freed += amount
                if freed >= over:
                    wait_s = (slot + SLOTS + 1) * width_s - now
                    break
        reset_s = (parts[-1][0] + SLOTS + 1) * width_s - now if parts else 0.0
        return Standing(self.total, 0, wait_s, reset_s)

    def take(self, line: Line, now: float) -> None:
        """Count a line."""
        slot = int(now / self.width_s)
        parts = self.parts
        if parts and parts[-1][0] >= slot:
            slot = parts[-1][0]  # the clock may have been set back
            parts[-1][1] += line.amount
        else:
            parts.append([slot, line.amount])
        self.total += line.amount
        line.slot = slot

    def settle(self, line: Line, used: int) -> None:
        """Count what was used instead, where it was counted before."""
        for part in reversed(self.parts):
            if part[0] == line.slot:
                part[1] += used - line.amount
                self.total += used - line.amount
                return

    def is_idle(self, now: float) -> bool:
        """Whether it counts nothing any more."""
        edge = int(now / self.width_s) - SLOTS
        return not self.total or self.parts[-1][0] < edge


class Quota:
    """A period of the calendar: what is used up, and what is held besides.

    `earlier` is what was used by requests that did not reserve it here.
    """

    __slots__ = ("earlier", "held", "until", "used")

    def __init__(self, used: int, until: int | None, earlier: int = 0) -> None:
        self.used = used
        self.earlier = earlier
        self.held = 0
        self.until = until

    def look(self, line: Line, now: float) -> Standing:
        """Say how it stands."""
        used = self.used + self.earlier + self.held
        fits = not line.amount or used + line.amount <= line.allowance.amount
        reset_s = None if line.until is None else line.until - now
        return Standing(used, self.held, 0.0 if fits else None, reset_s)

    def take(self, line: Line, now: float) -> None:
        """Hold a line's amount."""
        del now
        self.held += line.amount

    def settle(self, line: Line, used: int) -> None:
        """Use up what was used of what was held."""
        self.held -= line.amount
        self.used += used

    def is_idle(self, now: float) -> bool:
        """Whether its period is over, and nothing of it is held."""
        return self.until is not None and now > self.until and not self.held


class Places:
    """How many are in there at a time."""

    __slots__ = ("inside",)

    def __init__(self) -> None:
        self.inside = 0

    def look(self, line: Line, now: float) -> Standing:
        """Say how it stands."""
        del now
        fits = self.inside + line.amount <= line.allowance.amount
        return Standing(self.inside, self.inside, 0.0 if fits else None)

    def take(self, line: Line, now: float) -> None:
        """Go in."""
        del now
        self.inside += line.amount

    def settle(self, line: Line, used: int) -> None:
        """Come out."""
        del used
        self.inside -= line.amount

    def is_idle(self, now: float) -> bool:
        """Whether nobody is in there."""
        del now
        return not self.inside


Counter = Window | Quota | Places


class MemoryCounters:
    """See `Counters`. `consumed` is what was used of quotas before, by allowance, subject, since.

    Not for threads: it belongs to an event loop.
    """

    shared = False
    gone = False

    def __init__(self, consumed: Mapping[tuple[str, str, int], int] = {}) -> None:
        self._consumed = dict(consumed)
        self._earlier: dict[tuple[str, str, int], int] = {}
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._prune_at = PRUNE_AT

    def load(self, consumed: Mapping[tuple[str, str, int], int]) -> None:
        """Take note of what the database says was used; what is counted already is not less."""
        self._consumed.update(consumed)
        for key, used in consumed.items():
            counter = self._counters.get(key)
            if isinstance(counter, Quota):
                counter.used = max(counter.used, used)

    def know_earlier(self, earlier: Mapping[tuple[str, str, int], int]) -> None:
        """Take note of what was used before a quota was set, or by who was under way then.

        It is the whole of it, and may be told twice, and in any order: it only grows.
        """
        for key, used in earlier.items():
            used = self._earlier[key] = max(self._earlier.get(key, 0), used)
            counter = self._counters.get(key)
            if isinstance(counter, Quota):
                counter.earlier = used

    def add(self, consumed: Mapping[tuple[str, str, int], int]) -> None:
        """Take note of what others had used and only now has been found."""
        for key, used in consumed.items():
            counter = self._counters.get(key)
            if isinstance(counter, Quota):
                counter.used += used
            else:
                self._consumed[key] = self._consumed.get(key, 0) + used

    async def reserve(self, hold: str, lines: Sequence[Line], now: float) -> Decision:
        """See `Counters.reserve`."""
        del hold
        return self.reserve_now(lines, now)

    def reserve_now(self, lines: Sequence[Line], now: float) -> Decision:
        """Take all of it, or nothing."""
        if len(self._counters) >= self._prune_at:  # before any is found: a new one looks idle
            self._prune(now)
        standings: list[Standing] = []
        refused: list[int] = []
        counters: list[Counter] = []
        passed = True
        for line in lines:
            counter = self._find(line)
            counters.append(counter)
            standing = counter.look(line, now)
            standings.append(standing)
            if standing.wait_s != 0.0 and line.allowance.mode == "strict":
                refused.append(len(standings) - 1)
                passed = passed and line.optional
        if passed:
            for position, line in enumerate(lines):
                if not refused or position not in refused:
                    counters[position].take(line, now)
        return Decision(standings, refused, passed)

    def settle(self, hold: str, lines: Sequence[Line], used: Sequence[int], now: float) -> None:
        """See `Counters.settle`."""
        del hold, now
        for line, amount in zip(lines, used, strict=True):
            counter = self._counters.get((line.allowance.id, line.subject, line.since))
            if counter is not None:
                counter.settle(line, amount)

    def look(self, line: Line, now: float) -> Standing:
        """Say how a line stands, and take nothing."""
        return self._find(line).look(line, now)

    def _find(self, line: Line) -> Counter:
        allowance = line.allowance
        key = (allowance.id, line.subject, line.since)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._make(line)
        return counter

    def _make(self, line: Line) -> Counter:
        allowance = line.allowance
        if allowance.measure == "concurrency":
            return Places()
        if allowance.period in RATES:
            return Window(LENGTHS_S[allowance.period])
        key = (allowance.id, line.subject, line.since)
        return Quota(self._consumed.pop(key, 0), line.until, self._earlier.get(key, 0))

    def _prune(self, now: float) -> None:
        kept = {key: one for key, one in self._counters.items() if not one.is_idle(now)}
        self._counters = kept
        self._prune_at = max(PRUNE_AT, 2 * len(kept))
