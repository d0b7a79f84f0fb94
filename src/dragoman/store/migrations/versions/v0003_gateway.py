"""What an exchange through the gateway has besides."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column

from dragoman.store.column_types import TEXT, Number, Seconds

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """See the module."""
    op.add_column("exchange", Column("endpoint", TEXT))
    op.add_column("exchange", Column("gateway_key", TEXT))
    op.add_column("exchange", Column("status", Number))
    op.add_column("exchange", Column("overhead_s", Seconds))
