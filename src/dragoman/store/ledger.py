"""Writes exchanges into the database: whole, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from dragoman.store.conversations import Turn, conversation_of
from dragoman.store.database import UnwritableRow, cannot, open_database
from dragoman.types.completion import Completion
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.message import Message
from dragoman.types.usage import Usage

_OF_THE_ROW = (msgspec.MsgspecError, ValueError, TypeError, OverflowError)


class Ledger:
    """The database, opened for writing; made when it is not there. Only its owner may read it.

    Example:
        with Ledger(database_path(os.environ)) as ledger:
            ledger.record(exchange, messages, completion, source="cli")
    """

    def __init__(self, path: Path) -> None:
        """Open the database. Raises: StoreError."""
        self.path = path
        self._connection = open_database(path)

    def record(
        self,
        exchange: Exchange,
        messages: Sequence[Message] = (),
        completion: Completion | None = None,
        *,
        source: str,
        turn: Turn | None = None,
    ) -> None:
        """Write an exchange, its attempts, and what was said, in one transaction.

        `messages` is what was new in it; an answer without parts is not written. `turn` says where
        in which conversation it belongs; the conversation is made when it is not there.

        Raises: StoreError; nothing is written then.
        """
        said = [("in", message) for message in messages]
        if completion is not None and completion.parts:
            said.append(("out", completion.message))
        connection = self._connection
        with self._transaction():
            row = _exchange_row(exchange, source)
            if turn is not None:
                row |= _placed(connection, turn, exchange, source)
            _insert(connection, "exchange", [row])
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

    def record_all(self, exchanges: Sequence[Exchange], *, source: str) -> None:
        """Write many exchanges and their attempts in one transaction; those known already stay.

        Raises: StoreError; nothing is written then.
        """
        with self._transaction():
            rows = [tuple(_exchange_row(exchange, source).values()) for exchange in exchanges]
            self._connection.executemany(_EXCHANGE_ONCE, rows)
            attempts = [
                tuple(_attempt_row(a, e.id).values()) for e in exchanges for a in e.attempts
            ]
            self._connection.executemany(_ATTEMPT_ONCE, attempts)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Do all that is done inside, or nothing. Raises: StoreError."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back already; a second rollback would hide the error.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (*_OF_THE_ROW, sqlite3.ProgrammingError) as error:
            raise UnwritableRow(f"{self.path}: {error}") from None
        except sqlite3.Error as error:
            raise cannot(self.path, error) from None

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


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    marks = ", ".join(f":{column}" for column in columns)
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
        rows,
    )


def _placed(
    connection: sqlite3.Connection, turn: Turn, exchange: Exchange, source: str
) -> dict[str, Any]:
    """Find an exchange's place in its conversation: the turn it retries, else the next."""
    conversation = turn.conversation_id or conversation_of(exchange.id)
    connection.execute(
        "INSERT INTO conversation (id, started_at, source, settings) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET settings = excluded.settings",
        (conversation, exchange.started_at, source, msgspec.json.encode(turn.settings).decode()),
    )
    number = turn.number
    if number is None:
        (number,) = connection.execute(
            "SELECT coalesce(max(turn), 0) + 1 FROM exchange WHERE conversation_id = ?",
            (conversation,),
        ).fetchone()
    return {"conversation_id": conversation, "turn": number}


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
        "endpoint": exchange.endpoint,
        "gateway_key": exchange.key,
        "status": exchange.status,
        "overhead_s": exchange.overhead_s,
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


def _once(table: str, row: Mapping[str, Any]) -> str:
    """Write the statement that inserts rows like this one, unless they are there already.

    Their values come in order: names cost as much again as the writing.
    """
    marks = ", ".join("?" * len(row))
    return f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608


_EXCHANGE_ONCE = _once("exchange", _exchange_row(Exchange(id="", asked="", started_at=0), ""))
_ATTEMPT_ONCE = _once(
    "attempt",
    _attempt_row(Attempt(id="", number=0, kind="first", provider="", model="", started_at=0), ""),
)
