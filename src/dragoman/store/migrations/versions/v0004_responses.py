"""Responses that can be continued."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column

from dragoman.store.column_types import SQLITE, TEXT, Number, Seconds

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """See the module."""
    op.create_table(
        "response",
        Column("gateway_key", TEXT, primary_key=True),
        Column("id", TEXT, primary_key=True),
        Column("provider", TEXT, nullable=False),
        Column("model", TEXT, nullable=False),
        Column("credential", Number),
        Column("expires_at", Seconds, nullable=False),
        Column("body", TEXT),
        Column("input", TEXT),
        **SQLITE,
        sqlite_with_rowid=False,
    )
    op.create_index("response_expires_at", "response", ["expires_at"])
