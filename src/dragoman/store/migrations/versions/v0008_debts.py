"""Who asked for a response, whose provider made it, and when we look whether it is finished."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, text

from dragoman.store.column_types import TEXT, Flag, Seconds

revision = "0008"
down_revision = "0007"

OWED = text("owed = 1")


def upgrade() -> None:
    """See the module."""
    op.add_column(
        "response", Column("organisation_id", TEXT, nullable=False, server_default="default")
    )
    op.add_column("response", Column("own", Flag, nullable=False, server_default=text("0")))
    op.add_column("response", Column("due_at", Seconds, nullable=False, server_default=text("0")))
    op.create_index(
        "response_due", "response", ["due_at"], sqlite_where=OWED, postgresql_where=OWED
    )
