"""Conversations: what was said so far, put together from the exchanges that it was said in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from dragoman.store.database import cannot, open_database
from dragoman.types.message import Message, Part, Reasoning, ToolCall

HAS_PART = "(substr(id, 1, :length) = :part OR substr(id, -:length) = :part)"
"""Whether an id begins or ends with `:part`, which is `:length` long: what people can copy."""

_PARTS = msgspec.json.Decoder(tuple[Part, ...])


class Settings(Struct, frozen=True, omit_defaults=True):
    """What the next turn goes on with, unless it says otherwise.

    `refs` are the models asked, None for the default. `base_url` and `api` are those of a server
    that no configuration knows; `key` is a reference to its key, never the key.
    """

    refs: tuple[str, ...] | None = None
    base_url: str | None = None
    api: str | None = None
    key: str | None = None


class Turn(Struct, frozen=True):
    """Where an exchange belongs: in a conversation, None for a new one, and which turn of it.

    `number` is the turn that it tries again, None for the next.
    """

    conversation_id: str | None = None
    settings: Settings = Settings()
    number: int | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """What was said so far, and how it goes on.

    `system` is the last instructions that were given. `turns` holds, in order, what was said in
    each turn that was answered; `last_turn` counts those without an answer, too.
    """

    id: str
    settings: Settings = Settings()
    system: str | None = None
    turns: tuple[tuple[Message, ...], ...] = ()
    last_turn: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """The history to send, without the instructions."""
        return tuple(message for turn in self.turns for message in turn)


def conversation_of(exchange_id: str) -> str:
    """Make the id of the conversation that begins with an exchange: they end alike."""
    return f"con_{exchange_id.partition('_')[2]}"


def find_conversation(path: Path, part: str | None = None) -> Conversation | None:
    """Find a conversation by how its id, or one of its exchanges' ids, begins or ends.

    None: the last one that was answered. A part that several have is nobody's.

    Raises: StoreError.
    """
    if not path.exists():
        return None
    connection = open_database(path, create=False)
    try:
        found = _last(connection) if part is None else _by_part(connection, part)
        return None if found is None else _read(connection, found)
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise cannot(path, error) from None
    finally:
        connection.close()


def decode_parts(text: str) -> tuple[Part, ...]:
    """Read the parts of a stored message. Raises: msgspec.MsgspecError."""
    return _PARTS.decode(text)


def _last(connection: sqlite3.Connection) -> str | None:
    # The sign keeps SQLite from the index of conversations, which would be sorted whole.
    row = connection.execute(
        """
        SELECT conversation_id FROM exchange
        WHERE +conversation_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM message WHERE exchange_id = exchange.id AND direction = 'out'
        )
        ORDER BY id DESC LIMIT 1
        """
    ).fetchone()
    return row[0] if row else None


def _by_part(connection: sqlite3.Connection, part: str) -> str | None:
    rows = connection.execute(
        f"""
        SELECT id FROM conversation WHERE {HAS_PART}
        UNION
        SELECT conversation_id FROM exchange WHERE {HAS_PART} AND conversation_id IS NOT NULL
        LIMIT 2
        """,  # noqa: S608
        {"part": part, "length": len(part)},
    ).fetchall()
    return rows[0][0] if len(rows) == 1 and part else None


def _read(connection: sqlite3.Connection, identity: str) -> Conversation:
    (settings,) = connection.execute(
        "SELECT settings FROM conversation WHERE id = ?", (identity,)
    ).fetchone()
    (last_turn,) = connection.execute(
        "SELECT coalesce(max(turn), 0) FROM exchange WHERE conversation_id = ?", (identity,)
    ).fetchone()
    system: str | None = None
    turns = []
    for said in _answered(connection, identity):
        for message in said:
            if message.role == "system":
                system = message.text or None
        if turn := replayable(message for message in said if message.role != "system"):
            turns.append(turn)
    return Conversation(
        id=identity,
        settings=msgspec.json.decode(settings, type=Settings),
        system=system,
        turns=tuple(turns),
        last_turn=last_turn,
    )


def _answered(connection: sqlite3.Connection, identity: str) -> Iterator[list[Message]]:
    """Yield what was said in each turn: in its last exchange that has an answer."""
    exchanges = connection.execute(
        """
        SELECT max(exchange.id) FROM exchange
        JOIN message ON message.exchange_id = exchange.id AND message.direction = 'out'
        WHERE conversation_id = ? GROUP BY turn ORDER BY turn
        """,
        (identity,),
    ).fetchall()
    for (exchange,) in exchanges:
        rows = connection.execute(
            "SELECT role, parts FROM message WHERE exchange_id = ? ORDER BY position", (exchange,)
        )
        yield [Message(role, decode_parts(parts)) for role, parts in rows]


def replayable(said: Iterable[Message]) -> tuple[Message, ...]:
    """Make of what was said in a turn what can be sent again; nothing, if nothing can.

    Calls of tools that were never run are left out: no provider takes one without its result.
    """
    kept = [_without_calls(message) for message in said]
    return tuple(kept) if all(message.parts for message in kept) else ()


def _without_calls(message: Message) -> Message:
    if message.role != "assistant" or not any(isinstance(p, ToolCall) for p in message.parts):
        return message
    kept: Iterable[Part] = (p for p in message.parts if not isinstance(p, ToolCall | Reasoning))
    return Message(message.role, tuple(kept))
