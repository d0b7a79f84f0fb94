"""Whose each exchange is; what may be used, and what was."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, text

from dragoman.store.column_types import SQLITE, TEXT, Flag, Number, Seconds

revision = "0006"
down_revision = "0005"


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
    *(f"took_{number}" for number in range(16)),
    *(f"first_{number}" for number in range(16)),
)


def upgrade() -> None:
    """See the module."""
    op.create_table(
        "allowance",
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
    op.create_index("allowance_name", "allowance", ["organisation_id", "name"], unique=True)
    op.create_table(
        "consumption",
        Column("allowance_id", TEXT, primary_key=True),
        Column("subject", TEXT, primary_key=True),
        Column("since", Seconds, primary_key=True),
        Column("amount", Number, nullable=False, server_default=text("0")),
        Column("earlier", Number, nullable=False, server_default=text("0")),
        **SQLITE,
    )
    op.create_table(
        "alert",
        Column("allowance_id", TEXT, primary_key=True),
        Column("subject", TEXT, primary_key=True),
        Column("since", Seconds, primary_key=True),
        Column("percent", Number, primary_key=True, autoincrement=False),
        Column("at", Seconds, nullable=False),
        **SQLITE,
    )
    op.create_table(
        "outage",
        Column("organisation_id", TEXT, primary_key=True),
        Column("provider", TEXT, primary_key=True),
        Column("at", Seconds, nullable=False),
        **SQLITE,
    )
    op.create_table(
        "delivery",
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
    op.create_index(
        "delivery_due",
        "delivery",
        ["due_at"],
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    )
    op.create_index("delivery_of_organisation", "delivery", ["organisation_id", "id"])
    op.add_column(
        "exchange", Column("organisation_id", TEXT, nullable=False, server_default="default")
    )
    op.add_column("exchange", Column("project_id", TEXT))
    op.add_column("exchange", Column("account_id", TEXT))
    op.add_column("exchange", Column("key_id", TEXT))
    op.add_column("exchange", Column("tag", TEXT))
    op.create_index("exchange_of_organisation", "exchange", ["organisation_id", "id"])
    op.create_index(
        "exchange_failed_of_organisation",
        "exchange",
        ["organisation_id", "id"],
        sqlite_where=text("outcome <> 'ok'"),
        postgresql_where=text("outcome <> 'ok'"),
    )
    for name, key, sums in (
        ("hourly", HOURLY_KEY, HOURLY_SUMS),
        ("latency", LATENCY_KEY, LATENCY_SUMS),
    ):
        op.create_table(
            name,
            *(
                Column(
                    one, Number if one == "hour" else TEXT, primary_key=True, autoincrement=False
                )
                for one in key
            ),
            *(Column(one, Number, nullable=False, server_default=text("0")) for one in sums),
            **SQLITE,
            sqlite_with_rowid=False,
            postgresql_with={"fillfactor": 60},
        )
        op.create_index(f"{name}_hour", name, ["hour"])
    op.create_table(
        "content",
        Column("exchange_id", TEXT, primary_key=True),
        Column("organisation_id", TEXT, nullable=False),
        Column("at", Seconds, nullable=False),
        Column("mode", TEXT, nullable=False),
        Column("request", TEXT, nullable=False),
        Column("response", TEXT, nullable=False),
        **SQLITE,
    )
    op.create_index("content_of_organisation", "content", ["organisation_id", "at"])
    op.create_table(
        "idempotency",
        Column("organisation_id", TEXT, primary_key=True),
        Column("gateway_key", TEXT, primary_key=True),
        Column("value", TEXT, primary_key=True),
        Column("digest", TEXT, nullable=False),
        Column("holder", TEXT, nullable=False),
        Column("until", Seconds, nullable=False),
        Column("answer", TEXT),
        **SQLITE,
    )
    op.create_index("idempotency_until", "idempotency", ["until"])
