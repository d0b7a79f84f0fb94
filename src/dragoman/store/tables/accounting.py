"""What may be used, and what was.

`allowance`: how much of `measure` (`requests`, `tokens`, `spend`, `concurrency`) a subject may use
in a `period` (`minute`, `hour`, `day`, `week`, `month`, `total`; concurrency has none: `now`). A
subject is `organisation`, `project`, `member`, `key`, `provider` or `model`; `subject` is its id or
name, '*' each one of its kind for itself. `name` is what people call it. `mode`: `strict` reserves
before it lets through, `soft` only counts and tells. `unknown`: what is done where the price is not
known, with `assumed_nanousd` for a request where it is to be assumed.

`consumption`: what was used of an allowance in the period that began at `since`, written in the
transaction that writes the exchanges; what had been used before the allowance was set is there from
the beginning. `earlier` is that part of `amount`, with what was under way by then: nobody reserved
it. Allowances of the configuration file have no row of their own, and consume all the same.

`alert`: that so many percent of an allowance were used up has been told, for that period.

`outage`: a provider that is down, as has been told; `organisation_id` is '' for the operator's.

`delivery`: what a webhook is to be told, the same bytes each time. `state` is `waiting`,
`delivered` or `failed`; `tries` how often it was tried, at last at `tried_at`, and then `status`
was answered, or `reason` says in one line why not. It is due at `due_at`. Whoever is trying
(`holder`) has it `until` then; should it die, another tries.

`hourly`: exchanges added up by the time in which they began; `hour` is its beginning, in Unix
seconds: that of an hour, or at the levels that end in `day` that of a day in UTC. What is '' is not
told apart at that `level`: `total` tells nothing apart, `model` provider and model, `key` whose it
was, `all` everything. So each question reads the fewest rows, and every level adds up to the same.
`requests`, `failed`, `stopped`, `fallbacks` and `duration_ms` are of exchanges, under the provider
and model that answered; the rest is of attempts.

`latency`: histograms of the same, at the levels that know nothing of whose it was. `took_N` counts
exchanges that were answered by their duration, `first_N` by the time to the first token; the edges
of the buckets are in `ledger/latencies.py`.

`content`: what was said in an exchange, where its organisation has it kept; `mode` is `redacted` or
`full`. Both texts may be cut. It may be gone before the exchange is.

`idempotency`: a request that must not be answered twice, by the digest of the `value` of its header
and the gateway key that it came with ('' for none). `digest` is of the request itself. Without an
`answer` somebody (`holder`) is working on it, and has it `until` then; with one (in base64) it is
given again until then, an empty one being too large to be kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, ForeignKey, Index, Table, text

from dragoman.store.column_types import SQLITE, TEXT, Flag, Number, Seconds
from dragoman.store.tables.metadata import METADATA

ALLOWANCE = Table(
    "allowance",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column(
        "organisation_id",
        TEXT,
        ForeignKey("organisation.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("name", TEXT, nullable=False),
    Column("subject_kind", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("measure", TEXT, nullable=False),
    Column("period", TEXT, nullable=False),
    Column("amount", Number, nullable=False),
    Column("mode", TEXT, nullable=False, server_default="strict"),
    Column("unknown", TEXT, nullable=False, server_default="allow"),
    Column("assumed_nanousd", Number),
    Column("operator", Flag, nullable=False, server_default=text("0")),
    Column("created_at", Seconds, nullable=False),
    Column("updated_at", Seconds, nullable=False),
    Column("version", Number, nullable=False, server_default=text("1")),
    **SQLITE,
)
Index("allowance_name", ALLOWANCE.c.organisation_id, ALLOWANCE.c.name, unique=True)

CONSUMPTION = Table(
    "consumption",
    METADATA,
    Column("allowance_id", TEXT, primary_key=True),
    Column("subject", TEXT, primary_key=True),
    Column("since", Seconds, primary_key=True),
    Column("amount", Number, nullable=False, server_default=text("0")),
    Column("earlier", Number, nullable=False, server_default=text("0")),
    **SQLITE,
)

ALERT = Table(
    "alert",
    METADATA,
    Column("allowance_id", TEXT, primary_key=True),
    Column("subject", TEXT, primary_key=True),
    Column("since", Seconds, primary_key=True),
    Column("percent", Number, primary_key=True, autoincrement=False),
    Column("at", Seconds, nullable=False),
    **SQLITE,
)

OUTAGE = Table(
    "outage",
    METADATA,
    Column("organisation_id", TEXT, primary_key=True),
    Column("provider", TEXT, primary_key=True),
    Column("at", Seconds, nullable=False),
    **SQLITE,
)

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("organisation_id", TEXT, nullable=False),
    Column("webhook", TEXT, nullable=False),
    Column("event", TEXT, nullable=False),
    Column("at", Seconds, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("state", TEXT, nullable=False, server_default="waiting"),
    Column("tries", Number, nullable=False, server_default=text("0")),
    Column("due_at", Seconds, nullable=False),
    Column("holder", TEXT),
    Column("until", Seconds, nullable=False, server_default=text("0")),
    Column("tried_at", Seconds),
    Column("status", Number),
    Column("reason", TEXT),
    **SQLITE,
)
WAITING = text("state = 'waiting'")
Index("delivery_due", DELIVERY.c.due_at, sqlite_where=WAITING, postgresql_where=WAITING)
Index("delivery_of_organisation", DELIVERY.c.organisation_id, DELIVERY.c.id)

BUCKETS = 16
"""Of each of the two histograms."""
HOURLY_KEY = (
    *("organisation_id", "level", "hour", "tag"),
    *("project_id", "account_id", "key_id", "gateway_key", "provider", "model"),
)
HOURLY_SUMS = (
    *("requests", "failed", "stopped", "duration_ms", "attempts", "failed_attempts"),
    *("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "cost_nanousd", "priced", "demo_nanousd", "unknown"),
    *("estimated", "unmetered", "fallbacks"),
)
LATENCY_KEY = ("organisation_id", "level", "hour", "tag", "provider", "model")
LATENCY_SUMS = (
    *(f"took_{number}" for number in range(BUCKETS)),
    *(f"first_{number}" for number in range(BUCKETS)),
)
ROOM = {"fillfactor": 60}
"""Room in PostgreSQL's pages: rows that are added to all the time are written anew beside the old
ones, and indexes need not be told."""


def _sums(name: str, key: Sequence[str], sums: Sequence[str]) -> Table:
    return Table(
        name,
        METADATA,
        *(
            Column(one, Number if one == "hour" else TEXT, primary_key=True, autoincrement=False)
            for one in key
        ),
        *(Column(one, Number, nullable=False, server_default=text("0")) for one in sums),
        **SQLITE,
        sqlite_with_rowid=False,
        postgresql_with=ROOM,
    )


HOURLY = _sums("hourly", HOURLY_KEY, HOURLY_SUMS)
Index("hourly_hour", HOURLY.c.hour)
LATENCY = _sums("latency", LATENCY_KEY, LATENCY_SUMS)
Index("latency_hour", LATENCY.c.hour)

CONTENT = Table(
    "content",
    METADATA,
    Column("exchange_id", TEXT, primary_key=True),
    Column("organisation_id", TEXT, nullable=False),
    Column("at", Seconds, nullable=False),
    Column("mode", TEXT, nullable=False),
    Column("request", TEXT, nullable=False),
    Column("response", TEXT, nullable=False),
    **SQLITE,
)
Index("content_of_organisation", CONTENT.c.organisation_id, CONTENT.c.at)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("organisation_id", TEXT, primary_key=True),
    Column("gateway_key", TEXT, primary_key=True),
    Column("value", TEXT, primary_key=True),
    Column("digest", TEXT, nullable=False),
    Column("holder", TEXT, nullable=False),
    Column("until", Seconds, nullable=False),
    Column("answer", TEXT),
    **SQLITE,
)
Index("idempotency_until", IDEMPOTENCY.c.until)
