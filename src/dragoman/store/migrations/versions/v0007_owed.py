"""Whether it is still to be counted what a response used."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, text

from dragoman.store.column_types import Flag

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """See the module."""
    op.add_column("response", Column("owed", Flag, nullable=False, server_default=text("0")))
