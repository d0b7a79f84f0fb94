"""Writes exchanges into the database: whole, or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from dragoman.store.schema import MIGRATIONS, VERSION
from dragoman.types.completion import Completion
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.message import Message
from dragoman.types.usage import Usage

DATABASE_FILE = "dragoman.db"
BUSY_TIMEOUT_S = 2.0
"""How long another process's writing is waited for: somebody waits for their prompt."""


class StoreError(Exception):
    """The database cannot be opened or written; the text is one line and says why."""


def database_path(env: Mapping[str, str]) -> Path:
    """Say where the database is: `$XDG_DATA_HOME/dragoman/dragoman.db`."""
    from dragoman.config.files import data_folder

    return data_folder(env) / DATABASE_FILE


class Ledger:
    """The database, opened for writing; made when it is not there. Only its owner may read it.

    Example:
        with Ledger(database_path(os.environ)) as ledger:
            ledger.record(exchange, messages, completion, source="cli")
    """

    def __init__(self, path: Path) -> None:
        """Open the database. Raises: StoreError."""
        self.path = path
        try:
            _make_private(path)
            self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise _cannot(path, error) from None
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise _cannot(path, error) from None
        except StoreError:
            self._connection.close()
            raise

    def record(
        self,
        exchange: Exchange,
        messages: Sequence[Message] = (),
        completion: Completion | None = None,
        *,
        source: str,
    ) -> None:
        """Write an exchange, its attempts, and what was said, in one transaction.

        `messages` is what was sent; an answer without parts is not written.

        Raises: StoreError; nothing is written then.
        """
        said = [("in", message) for message in messages]
        if completion is not None and completion.parts:
            said.append(("out", completion.message))
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                _insert(connection, "exchange", [_exchange_row(exchange, source)])
                _insert(
                    connection,
                    "attempt",
                    [_attempt_row(attempt, exchange.id) for attempt in exchange.attempts],
                )
                _insert(
                    connection,
                    "message",
                    [
                        _message_row(exchange.id, position, direction, message)
                        for position, (direction, message) in enumerate(said)
                    ],
                )
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back already; a second rollback would hide the error.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, msgspec.MsgspecError, ValueError, TypeError) as error:
            raise _cannot(self.path, error) from None

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        """Bring the tables to our version. Raises: sqlite3.Error, StoreError for a newer file."""
        connection = self._connection
        connection.execute("PRAGMA foreign_keys = ON")
        version = self._version()
        if version == VERSION:
            return
        if version > VERSION:
            raise StoreError(f"{self.path} was made by a newer version of dragoman")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Read again: another process may have been faster.
            for step in MIGRATIONS[self._version() :]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


def _make_private(path: Path) -> None:
    """Make the file, for its owner's eyes only; SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    marks = ", ".join(f":{column}" for column in columns)
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
        rows,
    )


def _exchange_row(exchange: Exchange, source: str) -> dict[str, Any]:
    final = exchange.final
    return {
        "id": exchange.id,
        "started_at": exchange.started_at,
        "source": source,
        "asked": exchange.asked,
        "route": exchange.route,
        "stream": exchange.stream,
        "provider": exchange.provider,
        "model": exchange.model,
        "outcome": exchange.outcome,
        "attempt_count": len(exchange.attempts),
        "warnings": _text(exchange.warnings) if exchange.warnings else None,
        "finish_reason": final.finish_reason if final else None,
        **_token_columns(exchange.usage),
        "cost_nanousd": exchange.cost_nanousd,
        "cost_source": exchange.cost_source,
        "error": final.error if final else None,
        "first_token_s": exchange.first_token_s,
        "duration_s": exchange.duration_s,
    }


def _attempt_row(attempt: Attempt, exchange_id: str) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "exchange_id": exchange_id,
        "number": attempt.number,
        "kind": attempt.kind,
        "started_at": attempt.started_at,
        "pause_s": attempt.pause_s,
        "provider": attempt.provider,
        "model": attempt.model,
        "credential": attempt.credential,
        "outcome": attempt.outcome,
        "status": attempt.status,
        "reason": attempt.reason,
        "request_id": attempt.request_id,
        "answered_model": attempt.answered_model,
        "finish_reason": attempt.finish_reason,
        **_token_columns(attempt.usage),
        "cost_nanousd": attempt.cost_nanousd,
        "cost_source": attempt.cost_source,
        "error": attempt.error,
        "first_token_s": attempt.first_token_s,
        "duration_s": attempt.duration_s,
    }


def _token_columns(usage: Usage | None) -> dict[str, Any]:
    known = usage or Usage()
    return {
        "prompt_tokens": known.prompt_tokens,
        "completion_tokens": known.completion_tokens,
        "cache_read_tokens": known.cache_read_tokens,
        "cache_write_tokens": known.cache_write_tokens,
        "cache_write_1h_tokens": known.cache_write_1h_tokens,
        "reasoning_tokens": known.reasoning_tokens,
        "usage_estimated": known.estimated,
    }


def _message_row(
    exchange_id: str, position: int, direction: str, message: Message
) -> dict[str, Any]:
    return {
        "exchange_id": exchange_id,
        "position": position,
        "direction": direction,
        "role": message.role,
        "parts": _text(message.parts),
    }


def _text(value: Iterable[Any]) -> str:
    return msgspec.json.encode(value).decode()


def _cannot(path: Path, error: Exception) -> StoreError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return StoreError(f"{path}: {reason}")
