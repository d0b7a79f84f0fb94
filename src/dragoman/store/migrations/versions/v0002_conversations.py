"""Conversations, and the indexes that lists and sums are read from."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, text

from dragoman.store.column_types import SQLITE, TEXT, Number, Seconds

revision = "0002"
down_revision = "0001"

_BEGUN = {
    "sqlite": (
        "'con_' || substr(id, instr(id, '_') + 1)",
        "instr(asked, ', ') > 0",
        "json_object('refs', json_array(asked))",
    ),
    "postgresql": (
        "'con_' || substr(id, strpos(id, '_') + 1)",
        "strpos(asked, ', ') > 0",
        "json_build_object('refs', json_build_array(asked))::text",
    ),
}
"""The conversation that an exchange begins, whether it asked several models, and its settings."""
_SAID = "EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id)"


def upgrade() -> None:
    """See the module."""
    database = op.get_context().dialect.name
    op.create_table(
        "conversation",
        Column("id", TEXT, primary_key=True),
        Column("started_at", Seconds, nullable=False),
        Column("source", TEXT, nullable=False),
        Column("settings", TEXT, nullable=False, server_default="{}"),
        **SQLITE,
    )
    # Not as a column of alembic's: it would add the key apart, which SQLite cannot.
    collated = 'TEXT COLLATE "C"' if database == "postgresql" else "TEXT"
    op.execute(
        f"ALTER TABLE exchange ADD COLUMN conversation_id {collated}"
        " REFERENCES conversation (id) ON DELETE SET NULL"
    )
    op.add_column("exchange", Column("turn", Number))
    # What was asked before there were conversations can be continued as well.
    identity, several, settings = _BEGUN[database]
    op.execute(
        "INSERT INTO conversation (id, started_at, source, settings)"  # noqa: S608
        f" SELECT {identity}, started_at, source,"
        f" CASE WHEN {several} THEN '{{}}' ELSE {settings} END"
        f" FROM exchange WHERE {_SAID}"
    )
    op.execute(f"UPDATE exchange SET conversation_id = {identity}, turn = 1 WHERE {_SAID}")  # noqa: S608
    begun = text("conversation_id IS NOT NULL")
    op.create_index(
        "exchange_of_conversation",
        "exchange",
        ["conversation_id", "turn", "id"],
        sqlite_where=begun,
        postgresql_where=begun,
    )
    failed = text("outcome <> 'ok'")
    op.create_index(
        "exchange_failed", "exchange", ["id"], sqlite_where=failed, postgresql_where=failed
    )
    op.create_index("attempt_started_at", "attempt", ["started_at"])
