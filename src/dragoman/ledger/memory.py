"""Counts in the memory of one process: exact where it is the only one.

What is used of a quota is known from the database at the start; sliding periods and places in use
begin anew, as nothing that was counted there outlives a restart by more than its period.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from dragoman.ledger.counting import PASSED, Decision, Line, Term
from dragoman.types.allowance import RATES, Bucket
from dragoman.types.calendar import LENGTHS_S, SLOTS

PRUNE_AT = 10_000
"""So many counters, and those that count nothing any more are let go; again at twice what stays."""


class Window:
    """A sliding period: what was taken in each of its parts, up to the `present` one.

    A part is its number and what was taken in it. The present one `ends` at this time.
    """

    __slots__ = ("ends", "parts", "present", "total", "width_s")

    def __init__(self, length_s: int) -> None:
        self.width_s = length_s / SLOTS
        self.parts: deque[list[int]] = deque()
        self.present = [-1, 0]
        self.ends = 0.0
        self.total = 0

    def take(self, line: Line, now: float) -> bool:
        """Count a line; False where there was no room for it."""
        if now >= self.ends:
            self._slide(int(now / self.width_s))
        amount, used, present = line.amount, self.total, self.present
        self.total = total = used + amount
        present[1] += amount
        line.used, line.slot = used, present[0]
        return total <= line.term.most or not amount

    def _slide(self, slot: int) -> None:
        """Begin a part, and let go of those that are over."""
        parts, edge = self.parts, slot - SLOTS
        while parts and parts[0][0] < edge:
            self.total -= parts.popleft()[1]
        self.present = [slot, 0]
        self.ends = (slot + 1) * self.width_s
        parts.append(self.present)

    def give_back(self, line: Line, now: float) -> None:
        """Undo what was taken a moment ago, and say when it may be had."""
        self.total -= line.amount
        self.present[1] -= line.amount
        over = self.total + line.amount - line.term.most
        line.wait_s = 0.0 if over <= 0 else None
        line.reset_s = freed = 0
        for slot, amount in self.parts:
            if amount:
                freed += amount
                line.reset_s = (slot + SLOTS + 1) * self.width_s - now
                if line.wait_s is None and freed >= over:
                    line.wait_s = line.reset_s

    def settle(self, line: Line, used: int) -> None:
        """Count what was used instead, where it was counted before."""
        more = used - line.amount
        if not more:
            return
        for part in reversed(self.parts):
            if part[0] == line.slot:
                part[1] += more
                self.total += more
                return

    def is_idle(self, now: float) -> bool:
        """Whether it counts nothing any more."""
        return not self.total or self.present[0] < int(now / self.width_s) - SLOTS


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

    def take(self, line: Line, now: float) -> bool:
        """Hold a line's amount; False where there was no room for it."""
        del now
        held, amount = self.held, line.amount
        line.used = used = self.used + self.earlier + held
        self.held = held + amount
        return used + amount <= line.term.most or not amount

    def give_back(self, line: Line, now: float) -> None:
        """Undo what was taken a moment ago, and say what may come back."""
        del now
        self.held = line.held = self.held - line.amount

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

    def take(self, line: Line, now: float) -> bool:
        """Go in; False where there was no room."""
        del now
        line.used = inside = self.inside
        self.inside = inside + line.amount
        return self.inside <= line.term.most

    def give_back(self, line: Line, now: float) -> None:
        """Come out again: everybody in there may."""
        del now
        self.inside = line.held = self.inside - line.amount

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

    def __init__(self, consumed: Mapping[Bucket, int] = {}) -> None:
        self._consumed = dict(consumed)
        self._earlier: dict[Bucket, int] = {}
        self._counters: dict[Bucket, Counter] = {}
        self._prune_at = PRUNE_AT

    def load(self, consumed: Mapping[Bucket, int]) -> None:
        """Take note of what the database says was used; what is counted already is not less."""
        self._consumed.update(consumed)
        for key, used in consumed.items():
            counter = self._counters.get(key)
            if isinstance(counter, Quota):
                counter.used = max(counter.used, used)

    def know_earlier(self, earlier: Mapping[Bucket, int]) -> None:
        """Take note of what was used before a quota was set, or by who was under way then.

        It is the whole of it, and may be told twice, and in any order: it only grows.
        """
        for key, used in earlier.items():
            used = self._earlier[key] = max(self._earlier.get(key, 0), used)
            counter = self._counters.get(key)
            if isinstance(counter, Quota):
                counter.earlier = used

    def add(self, consumed: Mapping[Bucket, int]) -> None:
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
        known = self._counters
        if len(known) >= self._prune_at:  # before any is found: a new one looks idle
            self._prune(now)
            known = self._counters
        refused: list[int] = []
        for position, line in enumerate(lines):
            term = line.term
            counter = known.get(term.bucket)
            if counter is None:
                counter = known[term.bucket] = self._make(term)
            line.counter = counter
            if not counter.take(line, now) and term.is_strict:
                refused.append(position)
        if not refused:
            return PASSED
        passed = all(lines[position].optional for position in refused)
        for position in refused if passed else range(len(lines)):
            line = lines[position]
            line.counter.give_back(line, now)
        return Decision(refused, passed)

    def settle(self, hold: str, lines: Sequence[Line], used: Sequence[int]) -> None:
        """See `Counters.settle`."""
        del hold
        for line, amount in zip(lines, used, strict=True):
            line.counter.settle(line, amount)

    def _make(self, term: Term) -> Counter:
        allowance = term.allowance
        if allowance.measure == "concurrency":
            return Places()
        if allowance.period in RATES:
            return Window(LENGTHS_S[allowance.period])
        bucket = term.bucket
        return Quota(self._consumed.pop(bucket, 0), term.until, self._earlier.get(bucket, 0))

    def _prune(self, now: float) -> None:
        kept = {key: one for key, one in self._counters.items() if not one.is_idle(now)}
        self._counters = kept
        self._prune_at = max(PRUNE_AT, 2 * len(kept))
