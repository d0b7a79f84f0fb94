"""The conservation law: what was asked of providers is recorded, and what is recorded is added up.

To be checked after every fault, when everything is drained:

    requests that the upstream saw  =  attempts that are recorded
    sum of what attempts cost       =  sum of what exchanges cost  =  hourly sums  =  consumption

A worker that was killed in the middle leaves attempts of which nobody knows how they ended, not
even whether they were sent: they are recorded, `interrupted`, and what they cost is unknown.
"""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from dragoman.store.database import Place, open_database

_EXCHANGES = """
    SELECT count(*) AS exchanges, coalesce(sum(attempt_count), 0) AS attempts,
        coalesce(sum(cost_nanousd), 0) AS cost
    FROM exchange WHERE source = 'gateway'
"""
_ATTEMPTS = """
    SELECT count(*) AS attempts, coalesce(sum(a.cost_nanousd), 0) AS cost,
        coalesce(sum(CASE WHEN e.outcome = 'interrupted' AND e.duration_s = 0
            AND a.outcome = 'interrupted' THEN 1 ELSE 0 END), 0) AS unsure
    FROM attempt AS a JOIN exchange AS e ON e.id = a.exchange_id WHERE e.source = 'gateway'
"""
_HOURLY = """
    SELECT coalesce(sum(requests), 0) AS exchanges, coalesce(sum(attempts), 0) AS attempts,
        coalesce(sum(cost_nanousd), 0) AS cost
    FROM hourly WHERE level = :level
"""
_CONSUMED = "SELECT coalesce(sum(amount), 0) AS used FROM consumption WHERE allowance_id = :id"

LEVELS = ("all", "total", "model", "model day", "key", "key day")


class Books(NamedTuple):
    """What was recorded. `unsure` attempts may never have been sent."""

    exchanges: int
    attempts: int
    unsure: int
    cost_nanousd: int


def check_conservation(place: Place, *, seen: int, budgets: tuple[str, ...] = ()) -> Books:
    """See that the law holds for a database in which all traffic is the gateway's.

    `seen` is how many requests reached the upstream. Each of `budgets` is the id of an allowance of
    spend that counts everything.

    Raises: AssertionError.
    """
    with closing(open_database(place)) as connection:
        (exchanges,) = connection.rows(_EXCHANGES)
        (attempts,) = connection.rows(_ATTEMPTS)
        sums = {level: connection.rows(_HOURLY, {"level": level})[0] for level in LEVELS}
        used = {name: connection.rows(_CONSUMED, {"id": name})[0]["used"] for name in budgets}
    count, unsure, cost = attempts["attempts"], attempts["unsure"], attempts["cost"]
    assert seen <= count <= seen + unsure, (seen, count, unsure)
    assert exchanges["attempts"] == count, (exchanges["attempts"], count)
    assert exchanges["cost"] == cost, (exchanges["cost"], cost)
    for level, row in sums.items():
        told = (row["exchanges"], row["attempts"], row["cost"])
        assert told == (exchanges["exchanges"], count, cost), (level, told)
    assert all(amount == cost for amount in used.values()), (used, cost)
    return Books(exchanges["exchanges"], count, unsure, cost)
