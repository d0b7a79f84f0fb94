"""Exchanges, their attempts, and what was said in them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import CheckConstraint, Column, ForeignKey, text

from dragoman.store.column_types import SQLITE, TEXT, Flag, Number, Seconds

revision = "0001"
down_revision = None


def _metered() -> list[Column[object]]:
    return [
        Column("finish_reason", TEXT),
        Column("prompt_tokens", Number),
        Column("completion_tokens", Number),
        Column("cache_read_tokens", Number),
        Column("cache_write_tokens", Number),
        Column("cache_write_1h_tokens", Number),
        Column("reasoning_tokens", Number),
        Column("usage_estimated", Flag, nullable=False, server_default=text("0")),
        Column("cost_nanousd", Number),
        Column("cost_source", TEXT, nullable=False, server_default="unknown"),
        Column("error", TEXT),
        Column("first_token_s", Seconds),
        Column("duration_s", Seconds, nullable=False, server_default=text("0")),
    ]


def upgrade() -> None:
    """See the module."""
    op.create_table(
        "exchange",
        Column("id", TEXT, primary_key=True),
        Column("started_at", Seconds, nullable=False),
        Column("source", TEXT, nullable=False),
        Column("asked", TEXT, nullable=False),
        Column("route", TEXT),
        Column("stream", Flag, nullable=False, server_default=text("0")),
        Column("provider", TEXT),
        Column("model", TEXT),
        Column("outcome", TEXT, nullable=False),
        Column("attempt_count", Number, nullable=False, server_default=text("0")),
        Column("warnings", TEXT),
        *_metered(),
        **SQLITE,
    )
    op.create_index("exchange_started_at", "exchange", ["started_at"])
    op.create_table(
        "attempt",
        Column("id", TEXT, primary_key=True),
        Column("exchange_id", TEXT, ForeignKey("exchange.id", ondelete="CASCADE"), nullable=False),
        Column("number", Number, nullable=False),
        Column("kind", TEXT, nullable=False),
        Column("started_at", Seconds, nullable=False),
        Column("pause_s", Seconds, nullable=False, server_default=text("0")),
        Column("provider", TEXT, nullable=False),
        Column("model", TEXT, nullable=False),
        Column("credential", TEXT),
        Column("outcome", TEXT, nullable=False),
        Column("status", Number),
        Column("reason", TEXT),
        Column("request_id", TEXT),
        Column("answered_model", TEXT),
        *_metered(),
        **SQLITE,
    )
    op.create_index("attempt_of_exchange", "attempt", ["exchange_id", "number"], unique=True)
    op.create_table(
        "message",
        Column(
            "exchange_id", TEXT, ForeignKey("exchange.id", ondelete="CASCADE"), primary_key=True
        ),
        Column("position", Number, primary_key=True, autoincrement=False),
        Column("direction", TEXT, CheckConstraint("direction IN ('in', 'out')"), nullable=False),
        Column("role", TEXT, nullable=False),
        Column("parts", TEXT, nullable=False),
        **SQLITE,
    )
