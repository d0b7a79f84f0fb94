"""Sums over attempts: what models, providers, keys, clients and days took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.store.database import Connection
from dragoman.store.selection import Selection
from dragoman.types.exchange import PAID, STOPPED

By: TypeAlias = Literal["model", "provider", "key", "client", "day"]

_CLIENT = """coalesce(
    (SELECT coalesce(gateway_key, source) FROM exchange WHERE id = exchange_id), '(unknown)'
)"""
GROUPS: Mapping[By, tuple[str, str]] = {
    "model": ("provider || '/' || model", "provider, model"),
    "provider": ("provider", "provider"),
    "key": ("coalesce(credential, '(none)')", "credential"),
    "client": (_CLIENT, "name"),
    "day": ("{day}", "name"),
}
"""What sums are made for, in SQL: a name, and what they are grouped by.

A client is the gateway key that asked, else the source: command line, or gateway without keys.
Days are those of the machine's time zone.
"""


class Sum(Struct, frozen=True, kw_only=True):
    """What a group of attempts took. Money is nano-dollars.

    `cost_nanousd` adds up the costs that are known, of `priced` attempts; `unknown` counts those
    that were paid for, or may have been, and nobody knows how much: answers, and what was broken
    off. The demo's invented costs are apart. Tokens that nobody reported count as none: `unmetered`
    says how many of these attempts had none.
    """

    name: str
    attempts: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cache_read_tokens: int
    reasoning_tokens: int
    cost_nanousd: int
    priced: int
    demo_nanousd: int
    unknown: int
    estimated: int
    unmetered: int


# Python writes words in a tuple as SQL does in a list.
IS_PAID = f"(attempt.outcome IN {PAID} OR attempt.completion_tokens IS NOT NULL)"
"""`Attempt.is_paid` in SQL."""
_ADDED: Mapping[str, str] = {
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "cost_nanousd": "CASE WHEN cost_source <> 'demo' THEN cost_nanousd END",
    "demo_nanousd": "CASE WHEN cost_source = 'demo' THEN cost_nanousd END",
}
_COUNTED: Mapping[str, str] = {
    "failed": f"outcome NOT IN {('ok', *STOPPED)}",
    "priced": "cost_nanousd IS NOT NULL AND cost_source <> 'demo'",
    "unknown": f"cost_nanousd IS NULL AND {IS_PAID}",
    "estimated": "cost_source = 'estimated' OR usage_estimated <> 0",
    "unmetered": f"{IS_PAID} AND prompt_tokens IS NULL AND completion_tokens IS NULL",
}
_SUMS = ", ".join(
    [
        "count(*) AS attempts",
        # PostgreSQL adds integers up to decimals of any length.
        *(f"CAST(coalesce(sum({what}), 0) AS BIGINT) AS {n}" for n, what in _ADDED.items()),
        *(f"count(CASE WHEN {which} THEN 1 END) AS {n}" for n, which in _COUNTED.items()),
    ]
)


def add_up(
    connection: Connection, by: By, *, since: float | None, selection: Selection
) -> list[Sum]:
    """See `Records.sums`."""
    name, group = GROUPS[by]
    conditions, values = selection.conditions()
    chosen = []
    if conditions:
        those = f"SELECT id FROM exchange WHERE {' AND '.join(conditions)}"  # noqa: S608
        chosen.append(f"exchange_id IN ({those})")
    if since is not None:
        chosen.append("started_at >= :from_then")
        values["from_then"] = since
    where = f"WHERE {' AND '.join(chosen)}" if chosen else ""
    rows = connection.rows(
        f"SELECT {name.format(day=connection.speak('in days'))} AS name, {_SUMS}"  # noqa: S608
        f" FROM attempt {where} GROUP BY {group}",
        values,
    )
    found = [Sum(**dict(row)) for row in rows]
    return sorted(found, key=_by_name if by == "day" else _by_cost)


def _by_name(one: Sum) -> str:
    return one.name


def _by_cost(one: Sum) -> tuple[int, int, int, str]:
    tokens = one.prompt_tokens + one.completion_tokens
    return (-one.cost_nanousd, -tokens, -one.attempts, one.name)
