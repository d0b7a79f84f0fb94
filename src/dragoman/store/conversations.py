"""Conversations: what was said so far, put together from the exchanges that it was said in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from dragoman.store.database import Connection, Place, cannot, is_there, open_database
from dragoman.types.message import Message, Part, Reasoning, ToolCall

HAS_PART = "(substr(id, 1, :length) = :part OR substr(id, length(id) - :length + 1) = :part)"
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


def find_conversation(place: Place, part: str | None = None) -> Conversation | None:
    """Find a conversation by how its id, or one of its exchanges' ids, begins or ends.

    None: the last one that was answered. A part that several have is nobody's.

    Raises: StoreError.
    """
    if not is_there(place):
        return None
    connection = open_database(place, create=False)
    try:
        found = _last(connection) if part is None else _by_part(connection, part)
        return None if found is None else _read(connection, found)
    except msgspec.MsgspecError as error:
        raise cannot(place, error) from None
    finally:
        connection.close()


def decode_parts(text: str) -> tuple[Part, ...]:
    """Read the parts of a stored message. Raises: msgspec.MsgspecError."""
    return _PARTS.decode(text)


def _last(connection: Connection) -> str | None:
    # The function keeps SQLite from the index of conversations, which would be sorted whole.
    found = connection.rows(
        """
        SELECT conversation_id FROM exchange
        WHERE coalesce(conversation_id, '') <> '' AND EXISTS (
            SELECT 1 FROM message WHERE exchange_id = exchange.id AND direction = 'out'
        )
        ORDER BY id DESC LIMIT 1
        """
    )
    return found[0]["conversation_id"] if found else None


def can_occur(text: str) -> bool:
    """Whether a text can be in a database at all: bytes that are no UTF-8 are in none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _by_part(connection: Connection, part: str) -> str | None:
    if not can_occur(part):
        return None
    found = connection.rows(
        f"""
        SELECT id FROM conversation WHERE {HAS_PART}
        UNION
        SELECT conversation_id FROM exchange WHERE {HAS_PART} AND conversation_id IS NOT NULL
        LIMIT 2
        """,  # noqa: S608
        {"part": part, "length": len(part)},
    )
    return found[0]["id"] if len(found) == 1 and part else None


def _read(connection: Connection, identity: str) -> Conversation:
    (kept,) = connection.rows(
        "SELECT settings, (SELECT coalesce(max(turn), 0) FROM exchange WHERE conversation_id = :id)"
        " AS last_turn FROM conversation WHERE id = :id",
        {"id": identity},
    )
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
        settings=msgspec.json.decode(kept["settings"], type=Settings),
        system=system,
        turns=tuple(turns),
        last_turn=kept["last_turn"],
    )


def _answered(connection: Connection, identity: str) -> Iterator[list[Message]]:
    """Yield what was said in each turn: in its last exchange that has an answer."""
    exchanges = connection.rows(
        """
        SELECT max(exchange.id) AS id FROM exchange
        JOIN message ON message.exchange_id = exchange.id AND message.direction = 'out'
        WHERE conversation_id = :id GROUP BY turn ORDER BY turn
        """,
        {"id": identity},
    )
    for exchange in exchanges:
        said = connection.rows(
            "SELECT role, parts FROM message WHERE exchange_id = :id ORDER BY position",
            {"id": exchange["id"]},
        )
        yield [Message(row["role"], decode_parts(row["parts"])) for row in said]


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
