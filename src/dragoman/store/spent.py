"""What was used before a limit was set: added up from the ledger, as the limit would have counted.

Law: it is read and written in one transaction, in which nobody else writes exchanges. So each of
them is in this sum, or is counted when it is written; none is in neither, and none in both.

It is exact as long as the exchanges are there. Of those that retention has deleted the hourly sums
are left: tokens and money are exact there, too, but of requests every one counts, also one that
nobody was asked for, and under the provider and model that answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import msgspec

from dragoman.store.database import Connection
from dragoman.types.allowance import EVERYBODY, Allowance, SubjectKind
from dragoman.types.calendar import find_span

Key: TypeAlias = tuple[str, str, int]
"""An allowance's id, the subject, when its period began."""

FORGOTTEN = "ledger.forgotten"
"""The setting that holds before which time exchanges have been deleted, in Unix seconds."""

_SUBJECTS: Mapping[SubjectKind, str] = {
    "organisation": "e.organisation_id",
    "project": "e.project_id",
    "member": "e.account_id",
    "key": "coalesce(e.key_id, 'file:' || e.gateway_key)",
    "provider": "a.provider",
    "model": "a.provider || '/' || a.model",
}
_AMOUNTS = {
    "requests": "count(DISTINCT e.id)",
    "tokens": "sum(coalesce(a.prompt_tokens, 0) + coalesce(a.completion_tokens, 0))",
    # As `ledger.charging` has it.
    "spend": "sum(CASE WHEN a.cost_nanousd IS NOT NULL THEN a.cost_nanousd"
    " WHEN a.outcome IN ('ok', 'truncated', 'client_closed', 'interrupted') THEN :assumed"
    " ELSE 0 END)",
}
_COUNTED = (
    " (e.tag IS NULL OR e.tag <> 'demo') AND (e.endpoint IS NULL OR"
    " (e.endpoint <> '/messages/count_tokens' AND e.endpoint NOT LIKE '/responses/{%'))"
)
"""What limits count: see `Allowances.enter`. `demo`: made up."""

_SUMMED_SUBJECTS: Mapping[SubjectKind, str] = {
    "organisation": "h.organisation_id",
    "project": "nullif(h.project_id, '')",
    "member": "nullif(h.account_id, '')",
    "key": "coalesce(nullif(h.key_id, ''), 'file:' || nullif(h.gateway_key, ''))",
    "provider": "nullif(h.provider, '')",
    "model": "h.provider || '/' || nullif(h.model, '')",
}
_SUMMED_AMOUNTS = {
    "requests": "sum(h.requests)",
    "tokens": "sum(h.prompt_tokens + h.completion_tokens)",
    "spend": "sum(h.cost_nanousd + h.demo_nanousd + h.unknown * :assumed)",
}


def begin(connection: Connection, allowance: Allowance, now: float) -> None:
    """Begin to count a quota, with what was used of it in the present period.

    In the transaction that sets it. What is there already for this period stays as it is.
    Raises: StoreError.
    """
    if not allowance.is_quota:
        return
    since = find_span(allowance.period, now)[0]
    if _is_begun(connection, allowance, since):
        return
    if lock := connection.speak("lock of exchanges"):
        connection.write(lock)
        if _is_begun(connection, allowance, since):
            return  # by another worker, for whom we waited
    spent = read_spent(connection, allowance, since)
    rows = [(allowance.id, subject, since, n, n) for subject, n in sorted(spent.items()) if n > 0]
    if rows:
        columns = ("allowance_id", "subject", "since", "amount", "earlier")
        connection.insert("consumption", columns, rows)


def _is_begun(connection: Connection, allowance: Allowance, since: int) -> bool:
    return bool(
        connection.rows(
            "SELECT 1 FROM consumption WHERE allowance_id = :id AND since = :since LIMIT 1",
            {"id": allowance.id, "since": since},
        )
    )


def read_spent(connection: Connection, allowance: Allowance, since: int) -> dict[str, int]:
    """Add up what every subject of a quota has used since then (Unix time). Raises: StoreError."""
    forgotten = forgotten_before(connection)
    whole = {"since": float(since), "until": None}
    if forgotten is None or forgotten <= since:
        return _of_rows(connection, allowance, {**whole, "ours": 1})
    found = _of_rows(connection, allowance, {"since": forgotten, "until": None, "ours": 1})
    before = {"since": float(since), "until": forgotten}
    for subject, amount in _of_sums(connection, allowance, before).items():
        found[subject] = found.get(subject, 0) + amount
    # What the command line asked is in the sums, counts for no limit, and is never deleted.
    for subject, amount in _of_rows(connection, allowance, {**before, "ours": 0}).items():
        found[subject] = found.get(subject, 0) - amount
    return found


def _of_rows(
    connection: Connection, allowance: Allowance, window: Mapping[str, Any]
) -> dict[str, int]:
    subject = _SUBJECTS[allowance.kind] if allowance.subject else "''"
    conditions = [
        "e.started_at >= :since",
        f"e.source {'=' if window['ours'] else '<>'} 'gateway'",
        _COUNTED,
    ]
    if window["until"] is not None:
        conditions.append("e.started_at < :until")
    return _added(
        connection,
        allowance,
        f"SELECT {subject} AS subject, CAST({_AMOUNTS[allowance.measure]} AS BIGINT) AS amount"  # noqa: S608
        " FROM exchange e JOIN attempt a ON a.exchange_id = e.id",
        subject,
        conditions,
        "e",
        window,
    )


def _of_sums(
    connection: Connection, allowance: Allowance, window: Mapping[str, Any]
) -> dict[str, int]:
    subject = _SUMMED_SUBJECTS[allowance.kind] if allowance.subject else "''"
    conditions = ["h.level = 'all'", "h.hour >= :since", "h.hour < :until", "h.tag <> 'demo'"]
    amount = _SUMMED_AMOUNTS[allowance.measure]
    return _added(
        connection,
        allowance,
        f"SELECT {subject} AS subject, CAST({amount} AS BIGINT) AS amount FROM hourly h",  # noqa: S608
        subject,
        conditions,
        "h",
        window,
    )


def _added(
    connection: Connection,
    allowance: Allowance,
    statement: str,
    subject: str,
    conditions: list[str],
    table: str,
    window: Mapping[str, Any],
) -> dict[str, int]:
    values = {"since": window["since"], "until": window["until"], "of": allowance.organisation_id,
              "subject": allowance.subject, "assumed": allowance.assumed}  # fmt: skip
    if allowance.organisation_id != EVERYBODY:
        conditions.append(f"{table}.organisation_id = :of")
    if allowance.subject not in ("", EVERYBODY):
        conditions.append(f"{subject} = :subject")
    whole = f"{statement} WHERE {' AND '.join(conditions)} GROUP BY 1"
    used = {name: value for name, value in values.items() if f":{name}" in whole}
    rows = connection.rows(whole, used)
    return {row["subject"]: int(row["amount"] or 0) for row in rows if row["subject"] is not None}


def forgotten_before(connection: Connection) -> float | None:
    """Say before which time exchanges have been deleted; None: never any. Raises: StoreError."""
    rows = connection.rows("SELECT value FROM setting WHERE name = :name", {"name": FORGOTTEN})
    return msgspec.json.decode(rows[0]["value"], type=float) if rows else None


def read_earlier(connection: Connection, keys: Iterable[Key] | None = None) -> dict[Key, int]:
    """Read how much of quotas was used without having been reserved. Raises: StoreError."""
    statement = "SELECT allowance_id, subject, since, earlier FROM consumption"
    if keys is None:
        rows = connection.rows(f"{statement} WHERE earlier > 0")
    else:
        where = "allowance_id = :id AND subject = :subject AND since = :since"
        rows = [
            row
            for id_, subject, since in sorted(keys)
            for row in connection.rows(
                f"{statement} WHERE {where}", {"id": id_, "subject": subject, "since": since}
            )
        ]
    return {(r["allowance_id"], r["subject"], int(r["since"])): int(r["earlier"]) for r in rows}
