"""What may be used, and what was.

`allowance`: how much of `measure` (`requests`, `tokens`, `spend`, `concurrency`) a subject may use
in a `period` (`minute`, `day`, `week`, `month`, `total`; concurrency has none: `now`). A subject is
`organisation`, `project`, `member`, `key`, `provider` or `model`; `subject` is its id or name, '*'
each one of its kind for itself. `mode`: `strict` reserves before it lets through, `soft` only
counts and tells. `unknown`: what is done where the price is not known, with `assumed_nanousd` for a
request where it is to be assumed.

`consumption`: what was used of an allowance in the period that began at `since`, written in the
transaction that writes the exchanges.
"""

from __future__ import annotations

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
Index(
    "allowance_of_subject",
    ALLOWANCE.c.organisation_id,
    ALLOWANCE.c.subject_kind,
    ALLOWANCE.c.subject,
    ALLOWANCE.c.measure,
    ALLOWANCE.c.period,
    unique=True,
)

CONSUMPTION = Table(
    "consumption",
    METADATA,
    Column(
        "allowance_id",
        TEXT,
        ForeignKey("allowance.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("subject", TEXT, primary_key=True),
    Column("since", Seconds, primary_key=True),
    Column("amount", Number, nullable=False, server_default=text("0")),
    **SQLITE,
)
