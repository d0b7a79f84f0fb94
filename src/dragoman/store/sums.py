"""Sums over attempts: what models, providers, keys, clients and days took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.store.database import Connection
from dragoman.store.forgotten import forgotten_before
from dragoman.store.selection import Selection
from dragoman.types.calendar import HOUR_S
from dragoman.types.exchange import KEPT_BACK, PAID, STOPPED

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
IS_METERED = "(attempt.prompt_tokens IS NOT NULL OR attempt.completion_tokens IS NOT NULL)"
"""`Attempt.is_metered` in SQL."""
HAS_ASKED = (
    f"(attempt.error IS NULL OR attempt.status IS NOT NULL OR attempt.error NOT IN {KEPT_BACK})"
)
"""`Attempt.has_asked` in SQL."""
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
    "unmetered": f"{IS_PAID} AND NOT {IS_METERED}",
}
_COLUMNS = Sum.__struct_fields__[1:]
_SUMMED: Mapping[str, str] = {
    "attempts": "count(*)",
    # PostgreSQL adds integers up to decimals of any length.
    **{n: f"CAST(coalesce(sum({what}), 0) AS BIGINT)" for n, what in _ADDED.items()},
    **{n: f"count(CASE WHEN {which} THEN 1 END)" for n, which in _COUNTED.items()},
}
_SUMS, _LESS = (
    ", ".join(f"{sign}{_SUMMED[name]} AS {name}" for name in _COLUMNS) for sign in ("", "-")
)

_HOURLY = (
    "SELECT organisation_id, nullif(tag, '') AS tag, nullif(project_id, '') AS project_id,"  # noqa: S608
    " nullif(account_id, '') AS account_id, nullif(key_id, '') AS key_id,"
    " nullif(gateway_key, '') AS gateway_key,"
    " hour AS started_at, provider AS at_provider, model AS at_model, failed_attempts AS failed,"
    f" {', '.join(name for name in _COLUMNS if name != 'failed')}"
    " FROM hourly WHERE level = 'all' AND attempts > 0"
)
"""Hourly rows as exchanges, for a `Selection` by whose they are; `at_…` is who was asked."""
_ADDED_UP = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in _COLUMNS)
DELETED = "(deleted)"
"""What is told together of deleted exchanges, where hourly sums do not tell it apart."""
_DELETED: Mapping[By, tuple[str, str]] = {
    "model": ("at_provider || '/' || at_model", GROUPS["model"][0]),
    "provider": ("at_provider", GROUPS["provider"][0]),
    "key": (f"'{DELETED}'", f"'{DELETED}'"),
    "client": (
        "coalesce(gateway_key, 'gateway')",
        "coalesce((SELECT gateway_key FROM exchange WHERE id = exchange_id), 'gateway')",
    ),
    "day": ("{day}", "{day}"),
}
"""What an hourly row is told under, and what an attempt that is in it. What is deleted was asked
through the gateway."""


def add_up(
    connection: Connection, by: By, *, since: float | None, selection: Selection
) -> list[Sum]:
    """See `Records.sums`."""
    conditions, values = selection.conditions()
    those = f"SELECT id FROM exchange WHERE {' AND '.join(conditions)}"  # noqa: S608
    chosen = [f"exchange_id IN ({those})"] if conditions else []
    if since is not None:
        chosen.append("started_at >= :from_then")
        values["from_then"] = since
    parts = [_of_attempts(*GROUPS[by], chosen)]
    forgotten = forgotten_before(connection)
    if forgotten is not None and (since is None or since < forgotten):
        parts += _of_deleted(by, conditions)
        values |= {"hour": (since or 0.0) // HOUR_S * HOUR_S, "forgotten": forgotten}
    # One statement: while it reads, nobody deletes.
    statement = " UNION ALL ".join(parts).format(day=connection.speak("in days"))
    found: dict[str, Sum] = {}
    for row in connection.rows(statement, values):
        one = Sum(**dict(row))
        known = found.get(one.name)
        found[one.name] = one if known is None else _both(known, one)
    some = [one for one in found.values() if one.attempts]
    return sorted(some, key=_by_name if by == "day" else _by_cost)


def _of_attempts(name: str, group: str, chosen: Sequence[str], sums: str = _SUMS) -> str:
    where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
    return f"SELECT {name} AS name, {sums} FROM attempt{where} GROUP BY {group}"  # noqa: S608


def _of_deleted(by: By, conditions: Sequence[str]) -> Iterator[str]:
    """What is in the hourly sums, less what of it is still there: what the command line asked."""
    name, kept = _DELETED[by]
    within = ["exchange.started_at >= :hour", "exchange.started_at < :forgotten", *conditions]
    chosen = f"WHERE {' AND '.join(within)}"
    yield f"SELECT {name} AS name, {_ADDED_UP} FROM ({_HOURLY}) AS exchange {chosen} GROUP BY 1"  # noqa: S608
    those = f"exchange_id IN (SELECT id FROM exchange {chosen})"  # noqa: S608
    yield _of_attempts(kept, "1", [those], _LESS)


def _both(one: Sum, other: Sum) -> Sum:
    return Sum(
        name=one.name, **{name: getattr(one, name) + getattr(other, name) for name in _COLUMNS}
    )


def _by_name(one: Sum) -> str:
    return one.name


def _by_cost(one: Sum) -> tuple[int, int, int, str]:
    tokens = one.prompt_tokens + one.completion_tokens
    return (-one.cost_nanousd, -tokens, -one.attempts, one.name)
