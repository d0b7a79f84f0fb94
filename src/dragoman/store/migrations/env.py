"""What alembic runs to migrate. `attributes["connection"]` is a connection that holds our lock."""

from __future__ import annotations

from alembic import context

from dragoman.store.postgres import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=SCHEMA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
