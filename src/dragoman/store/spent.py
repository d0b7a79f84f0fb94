"""What was used before a limit was set: added up from the ledger, as the limit would have counted.

Law: it is read and written in one transaction, in which nobody else writes exchanges. So each of
them is in this sum, or is counted when it is written; none is in neither, and none in both.

It is exact as long as the exchanges are there. Of those that retention has deleted the hourly sums
are left: tokens and money are exact there, too, but of requests every one counts, also one that
nobody was asked for, and under the provider and model that answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dragoman.store.database import Connection
from dragoman.store.forgotten import forgotten_before
from dragoman.store.settings import read_setting, write_setting
from dragoman.store.sums import HAS_ASKED, IS_METERED, IS_PAID
from dragoman.types.allowance import EVERYBODY, Allowance, Bucket, Measure, SubjectKind
from dragoman.types.calendar import find_span
from dragoman.types.gateway_key import FILE

IN_FORCE = "limits.configured"
"""The setting that holds which quotas of the configuration are counted, and by which period."""


class _Written(NamedTuple):
    """Where it is written what was used: exchanges with their attempts, or the hourly sums.

    `rows` is what follows FROM; `counted` is what limits count of them.
    """

    rows: str
    organisation: str
    at: str
    counted: str
    subjects: Mapping[SubjectKind, str]
    amounts: Mapping[Measure, str]


# Made-up traffic counts for no limit, nor do requests to count tokens, or to look at what was made
# before; what is settled by looking does. As `ledger.charging` has it.
_LOOKING = "coalesce(e.endpoint, '') LIKE '/responses/{%'"
_EXCHANGES = _Written(
    rows="exchange e JOIN attempt ON attempt.exchange_id = e.id",
    organisation="e.organisation_id",
    at="e.started_at",
    counted="(e.tag IS NULL OR e.tag <> 'demo')"
    " AND coalesce(e.endpoint, '') <> '/messages/count_tokens'"
    f" AND (NOT {_LOOKING} OR {IS_METERED})",
    subjects={
        "organisation": "e.organisation_id",
        "project": "e.project_id",
        "member": "e.account_id",
        "key": f"coalesce(e.key_id, '{FILE}' || e.gateway_key)",
        "provider": "attempt.provider",
        "model": "attempt.provider || '/' || attempt.model",
    },
    amounts={
        "requests": f"count(DISTINCT CASE WHEN NOT {_LOOKING} AND {HAS_ASKED} THEN e.id END)",
        "tokens": "sum(coalesce(attempt.prompt_tokens, 0)"
        " + coalesce(attempt.completion_tokens, 0))",
        # As `ledger.charging` has it.
        "spend": "sum(CASE WHEN attempt.cost_nanousd IS NOT NULL THEN attempt.cost_nanousd"
        f" WHEN {IS_PAID} THEN :assumed"
        " ELSE 0 END)",
    },
)
_OF_THE_GATEWAY = _EXCHANGES._replace(counted=f"e.source = 'gateway' AND {_EXCHANGES.counted}")
_OF_THE_COMMAND_LINE = _EXCHANGES._replace(
    counted=f"e.source <> 'gateway' AND {_EXCHANGES.counted}"
)
_SUMS = _Written(
    rows="hourly h",
    organisation="h.organisation_id",
    at="h.hour",
    counted="h.level = 'all' AND h.tag <> 'demo'",
    subjects={
        "organisation": "h.organisation_id",
        "project": "nullif(h.project_id, '')",
        "member": "nullif(h.account_id, '')",
        "key": f"coalesce(nullif(h.key_id, ''), '{FILE}' || nullif(h.gateway_key, ''))",
        "provider": "nullif(h.provider, '')",
        "model": "h.provider || '/' || nullif(h.model, '')",
    },
    amounts={
        "requests": "sum(h.requests)",
        "tokens": "sum(h.prompt_tokens + h.completion_tokens)",
        "spend": "sum(h.cost_nanousd + h.demo_nanousd + h.unknown * :assumed)",
    },
)


def begin(connection: Connection, allowance: Allowance, now: float, *, anew: bool = False) -> None:
    """Begin to count a quota, with what was used of it in the present period.

    In the transaction that sets it. What is there already for this period stays as it is; `anew`,
    what it lacks is added: for a while nobody may have counted. Raises: StoreError.
    """
    if not allowance.is_quota:
        return
    since = find_span(allowance.period, now)[0]
    if not anew and _is_begun(connection, allowance, since):
        return
    if lock := connection.speak("lock of exchanges"):
        connection.write(lock)
        if not anew and _is_begun(connection, allowance, since):
            return  # by another worker, for whom we waited
    lacking = Counter(read_spent(connection, allowance, since))
    lacking.subtract(read_counted(connection, allowance, since))
    rows = [(allowance.id, subject, since, n, n) for subject, n in sorted(lacking.items()) if n > 0]
    if rows:
        keys = ("allowance_id", "subject", "since")
        connection.accumulate("consumption", keys, ("amount", "earlier"), rows)


def read_counted(connection: Connection, allowance: Allowance, since: int) -> dict[str, int]:
    """Read what is counted of a quota so far, by subject. Raises: StoreError."""
    rows = connection.rows(
        "SELECT subject, amount FROM consumption WHERE allowance_id = :id AND since = :since",
        {"id": allowance.id, "since": since},
    )
    return {row["subject"]: int(row["amount"]) for row in rows}


def read_in_force(connection: Connection) -> dict[str, str]:
    """Say which of the configuration's quotas were in force last, and by which period.

    Raises: StoreError.
    """
    return read_setting(connection, IN_FORCE, dict[str, str]) or {}


def note_in_force(connection: Connection, periods: Mapping[str, str], now: float) -> None:
    """Note which of the configuration's quotas are in force from now on. Raises: StoreError."""
    write_setting(connection, IN_FORCE, periods, now)


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
    if forgotten is None or forgotten <= since:
        return _add_up(connection, allowance, _OF_THE_GATEWAY, since)
    found = Counter(_add_up(connection, allowance, _OF_THE_GATEWAY, forgotten))
    found.update(_add_up(connection, allowance, _SUMS, since, forgotten))
    # What the command line asked is in the sums, counts for no limit, and is never deleted.
    found.subtract(_add_up(connection, allowance, _OF_THE_COMMAND_LINE, since, forgotten))
    return found


def _add_up(
    connection: Connection,
    allowance: Allowance,
    written: _Written,
    since: float,
    until: float | None = None,
) -> dict[str, int]:
    """Add up by subject what was used from `since` on, and before `until` where that is said."""
    subject = written.subjects[allowance.kind] if allowance.subject else "''"
    conditions = [written.counted, f"{written.at} >= :since"]
    if until is not None:
        conditions.append(f"{written.at} < :until")
    if allowance.organisation_id != EVERYBODY:
        conditions.append(f"{written.organisation} = :organisation_id")
    if allowance.subject not in ("", EVERYBODY):
        conditions.append(f"{subject} = :subject")
    amount = f"CAST({written.amounts[allowance.measure]} AS BIGINT)"
    rows = connection.rows(
        f"SELECT {subject} AS subject, {amount} AS amount FROM {written.rows}"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} GROUP BY 1",
        {
            "since": float(since),
            "until": until,
            "organisation_id": allowance.organisation_id,
            "subject": allowance.subject,
            "assumed": allowance.assumed,
        },
    )
    return {row["subject"]: int(row["amount"] or 0) for row in rows if row["subject"] is not None}


def read_earlier(
    connection: Connection, buckets: Iterable[Bucket] | None = None
) -> dict[Bucket, int]:
    """Read how much of quotas was used without having been reserved. Raises: StoreError."""
    statement = "SELECT allowance_id, subject, since, earlier FROM consumption"
    if buckets is None:
        rows = connection.rows(f"{statement} WHERE earlier > 0")
    else:
        where = "allowance_id = :id AND subject = :subject AND since = :since"
        rows = [
            row
            for id_, subject, since in sorted(buckets)
            for row in connection.rows(
                f"{statement} WHERE {where}", {"id": id_, "subject": subject, "since": since}
            )
        ]
    return {(r["allowance_id"], r["subject"], int(r["since"])): int(r["earlier"]) for r in rows}
