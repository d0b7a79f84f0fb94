"""Runs migrations against PostgreSQL. SQLite's are run from `store/schema.py`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import create_engine, event, pool, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from dragoman.store.database import Server, StoreError, cannot
from dragoman.store.postgres import SCHEMA


def upgrade(server: Server, to: str = "head") -> None:
    """Migrate, each step in a transaction of its own. The caller holds the lock.

    Raises: StoreError.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    engine = create_engine(
        server.url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=pool.NullPool
    )
    event.listen(engine, "connect", _look_in_our_schema)
    try:
        with engine.connect() as connection:
            # IF NOT EXISTS asks for the right to make one, whether it is there or not.
            if connection.scalar(text(f"SELECT to_regnamespace('{SCHEMA}') IS NULL")):
                connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    except SQLAlchemyError as error:
        raise cannot(server, getattr(error, "orig", None) or error) from None
    except CommandError as error:
        raise StoreError(f"{server}: {error}") from None
    finally:
        engine.dispose()


def _look_in_our_schema(connection: DBAPIConnection, record: object) -> None:
    del record
    cursor = connection.cursor()
    cursor.execute(f"SET search_path TO {SCHEMA}")
    cursor.close()
    connection.commit()
