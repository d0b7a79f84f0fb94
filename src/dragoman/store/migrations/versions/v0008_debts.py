"""Who asked for a response, whose provider made it, and when we look whether it is finished."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, text

from dragoman.store.column_types import TEXT, Flag, Seconds

revision = "0008"
down_revision = "0007"

OWED = text("owed = 1")
OF_ITS_KEY = (
    "UPDATE response SET organisation_id ="
    " (SELECT organisation_id FROM gateway_key WHERE id = response.gateway_key)"
    " WHERE gateway_key IN (SELECT id FROM gateway_key)"
)
OF_ITS_PROVIDER = (
    "UPDATE response SET own = 1 WHERE EXISTS (SELECT 1 FROM provider"
    " WHERE provider.organisation_id = response.organisation_id AND name = response.provider)"
)


def upgrade() -> None:
    """See the module."""
    op.add_column(
        "response", Column("organisation_id", TEXT, nullable=False, server_default="default")
    )
    op.add_column("response", Column("own", Flag, nullable=False, server_default=text("0")))
    op.add_column("response", Column("due_at", Seconds, nullable=False, server_default=text("0")))
    op.execute(OF_ITS_KEY)
    op.execute(OF_ITS_PROVIDER)
    op.create_index(
        "response_due", "response", ["due_at"], sqlite_where=OWED, postgresql_where=OWED
    )
