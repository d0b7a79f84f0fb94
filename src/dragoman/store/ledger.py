"""Writes exchanges into the database: whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias

import msgspec

from dragoman.store.conversations import Turn, conversation_of
from dragoman.store.database import Connection, Place, open_database
from dragoman.types.completion import Completion
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.message import Message
from dragoman.types.usage import Usage

Follower: TypeAlias = Callable[[Connection, Sequence[Exchange]], None]
"""Is told of exchanges that are new, inside the transaction that inserts them."""


class Ledger:
    """The database, opened for writing; made when it is not there.

    Example:
        with Ledger(database_place(os.environ)) as ledger:
            ledger.record(exchange, messages, completion, source="cli")
    """

    def __init__(self, place: Place, *, followers: Sequence[Follower] = ()) -> None:
        """Open the database. `followers` are told of what is recorded. Raises: StoreError."""
        self._connection = open_database(place)
        self._followers = followers

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
        with connection.transaction():
            row = _exchange_row(exchange, source)
            if turn is not None:
                row |= _placed(connection, turn, exchange, source)
            connection.insert("exchange", list(row), [tuple(row.values())])
            _insert(
                connection, "attempt", [_attempt_row(a, exchange.id) for a in exchange.attempts]
            )
            _insert(
                connection,
                "message",
                [
                    _message_row(exchange.id, position, direction, message)
                    for position, (direction, message) in enumerate(said)
                ],
            )
            for follow in self._followers:
                follow(connection, [exchange])

    def record_all(self, exchanges: Sequence[Exchange], *, source: str) -> None:
        """Write many exchanges and their attempts in one transaction; those known already stay.

        Raises: StoreError; nothing is written then.
        """
        by_id = {exchange.id: exchange for exchange in exchanges}
        if not by_id:
            return
        rows = [_exchange_row(exchange, source) for exchange in by_id.values()]
        connection = self._connection
        with connection.transaction():
            inserted = connection.insert_new(
                "exchange", list(rows[0]), [tuple(row.values()) for row in rows]
            )
            new = [by_id[found] for found in sorted(inserted)]
            attempts = [_attempt_row(a, e.id) for e in new for a in e.attempts]
            _insert(connection, "attempt", attempts, once=True)
            for follow in self._followers:
                follow(connection, new)

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


def _insert(
    connection: Connection, table: str, rows: Sequence[Mapping[str, Any]], *, once: bool = False
) -> None:
    """Insert rows that have the same columns in the same order."""
    if rows:
        connection.insert(table, list(rows[0]), [tuple(row.values()) for row in rows], once=once)


def _placed(connection: Connection, turn: Turn, exchange: Exchange, source: str) -> dict[str, Any]:
    """Find an exchange's place in its conversation: the turn it retries, else the next."""
    conversation = turn.conversation_id or conversation_of(exchange.id)
    connection.write(
        "INSERT INTO conversation (id, started_at, source, settings)"
        " VALUES (:id, :started_at, :source, :settings)"
        " ON CONFLICT (id) DO UPDATE SET settings = excluded.settings",
        {
            "id": conversation,
            "started_at": exchange.started_at,
            "source": source,
            "settings": msgspec.json.encode(turn.settings).decode(),
        },
    )
    number = turn.number
    if number is None:
        (found,) = connection.rows(
            "SELECT coalesce(max(turn), 0) + 1 AS next FROM exchange WHERE conversation_id = :id",
            {"id": conversation},
        )
        number = found["next"]
    return {"conversation_id": conversation, "turn": number}


def _exchange_row(exchange: Exchange, source: str) -> dict[str, Any]:
    final = exchange.final
    return {
        "id": exchange.id,
        "started_at": exchange.started_at,
        "source": source,
        "asked": exchange.asked,
        "route": exchange.route,
        "stream": int(exchange.stream),
        "provider": final.provider if final else None,
        "model": final.model if final else None,
        "outcome": exchange.outcome,
        "attempt_count": len(exchange.attempts),
        "warnings": _text(exchange.warnings) if exchange.warnings else None,
        "finish_reason": final.finish_reason if final else None,
        **_token_columns(final.usage if final else None),
        "cost_nanousd": exchange.cost_nanousd,
        "cost_source": exchange.cost_source,
        "error": final.error if final else None,
        "first_token_s": exchange.first_token_s,
        "duration_s": exchange.duration_s,
        "endpoint": exchange.endpoint,
        "gateway_key": exchange.key,
        "status": exchange.status,
        "overhead_s": exchange.overhead_s,
        "organisation_id": exchange.organisation_id,
        "project_id": exchange.project_id,
        "account_id": exchange.account_id,
        "key_id": exchange.key_id,
        "tag": exchange.tag,
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
        "usage_estimated": int(known.estimated),
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
