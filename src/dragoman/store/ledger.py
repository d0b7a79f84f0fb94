"""Writes exchanges into the database: whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias

import msgspec

from dragoman.store.conversations import Turn, conversation_of
from dragoman.store.database import Connection, Place, UnwritableRow, open_database
from dragoman.types.completion import Completion
from dragoman.types.exchange import Exchange
from dragoman.types.message import Message
from dragoman.types.usage import Usage

Follower: TypeAlias = Callable[[Connection, Sequence[Exchange]], None]
"""Is told of exchanges that are new, inside the transaction that inserts them."""


_METERED = (
    *("finish_reason", "prompt_tokens", "completion_tokens", "cache_read_tokens"),
    *("cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens", "usage_estimated"),
    *("cost_nanousd", "cost_source", "error", "first_token_s", "duration_s"),
)
EXCHANGE = (
    *("id", "started_at", "source", "asked", "route", "stream", "provider", "model", "outcome"),
    *("attempt_count", "warnings", *_METERED),
    *("endpoint", "gateway_key", "status", "overhead_s"),
    *("organisation_id", "project_id", "account_id", "key_id", "tag"),
)
"""The columns of a row, in its order: rows are tuples, since names cost as much as the writing."""
PLACE = ("conversation_id", "turn")
ATTEMPT = (
    *("id", "exchange_id", "number", "kind", "started_at", "pause_s", "provider", "model"),
    *("credential", "outcome", "status", "reason", "request_id", "answered_model", *_METERED),
)
MESSAGE = ("exchange_id", "position", "direction", "role", "parts")
_NO_TOKENS = (*[None] * 6, 0)


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
            columns: tuple[str, ...] = EXCHANGE
            row = _exchange_row(exchange, source)
            if turn is not None:
                columns += PLACE
                row += _placed(connection, turn, exchange, source)
            connection.insert("exchange", columns, [row])
            connection.insert("attempt", ATTEMPT, _attempt_rows([exchange]))
            connection.insert(
                "message",
                MESSAGE,
                [
                    _message_row(exchange.id, position, direction, message)
                    for position, (direction, message) in enumerate(said)
                ],
            )
            self._follow([exchange])

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
            inserted = connection.insert_new("exchange", EXCHANGE, rows)
            new = [by_id[found] for found in sorted(inserted)]
            connection.insert("attempt", ATTEMPT, _attempt_rows(new))
            self._follow(new)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _follow(self, exchanges: Sequence[Exchange]) -> None:
        for follow in self._followers:
            try:
                follow(self._connection, exchanges)
            except (ValueError, TypeError, OverflowError) as error:
                # An exchange that nobody can add up must not keep the others from being written.
                raise UnwritableRow(f"it cannot be added up: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _placed(connection: Connection, turn: Turn, exchange: Exchange, source: str) -> tuple[str, int]:
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
    return conversation, number


def _exchange_row(exchange: Exchange, source: str) -> tuple[Any, ...]:
    final = exchange.final
    return (
        exchange.id,
        exchange.started_at,
        source,
        exchange.asked,
        exchange.route,
        int(exchange.stream),
        final and final.provider,
        final and final.model,
        exchange.outcome,
        len(exchange.attempts),
        _text(exchange.warnings) if exchange.warnings else None,
        final and final.finish_reason,
        *_tokens(final.usage if final else None),
        exchange.cost_nanousd,
        exchange.cost_source,
        (final and final.error) or exchange.refused,
        exchange.first_token_s,
        exchange.duration_s,
        exchange.endpoint,
        exchange.key,
        exchange.status,
        exchange.overhead_s,
        exchange.organisation_id,
        exchange.project_id,
        exchange.account_id,
        exchange.key_id,
        exchange.tag,
    )


def _attempt_rows(exchanges: Iterable[Exchange]) -> list[tuple[Any, ...]]:
    return [
        (
            attempt.id,
            exchange.id,
            attempt.number,
            attempt.kind,
            attempt.started_at,
            attempt.pause_s,
            attempt.provider,
            attempt.model,
            attempt.credential,
            attempt.outcome,
            attempt.status,
            attempt.reason,
            attempt.request_id,
            attempt.answered_model,
            attempt.finish_reason,
            *_tokens(attempt.usage),
            attempt.cost_nanousd,
            attempt.cost_source,
            attempt.error,
            attempt.first_token_s,
            attempt.duration_s,
        )
        for exchange in exchanges
        for attempt in exchange.attempts
    ]


def _tokens(usage: Usage | None) -> tuple[int | None, ...]:
    if usage is None:
        return _NO_TOKENS
    return (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
        int(usage.estimated),
    )


def _message_row(
    exchange_id: str, position: int, direction: str, message: Message
) -> tuple[Any, ...]:
    return exchange_id, position, direction, message.role, _text(message.parts)


def _text(value: Iterable[Any]) -> str:
    """Write as JSON. Raises: UnwritableRow for half a surrogate, and a number beyond 64 bits."""
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, OverflowError) as error:
        raise UnwritableRow(f"what was said cannot be written: {error}") from None
