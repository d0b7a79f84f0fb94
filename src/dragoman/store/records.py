"""Reads what the ledger holds: lists of exchanges, one of them whole, sums over attempts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from dragoman.store.conversations import HAS_PART, can_occur, decode_parts
from dragoman.store.database import Connection, Place, Values, cannot, open_database
from dragoman.store.selection import Selection, pattern
from dragoman.store.sums import By, Sum, add_up
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.message import Message, Text
from dragoman.types.usage import Usage

_USAGE = (
    "prompt_tokens",
    "completion_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
)


class Entry(Struct, frozen=True, kw_only=True):
    """A line of the list: an exchange, and the beginning of what was asked in it."""

    id: str
    conversation_id: str | None
    turn: int | None
    started_at: float
    source: str
    asked: str
    provider: str | None
    model: str | None
    outcome: str
    error: str | None
    attempt_count: int
    prompt_tokens: int | None
    completion_tokens: int | None
    usage_estimated: int
    cost_nanousd: int | None
    cost_source: str
    first_token_s: float | None
    duration_s: float
    prompt: str = ""


class Content(Struct, frozen=True, kw_only=True):
    """What was said through the gateway, where that is kept: as JSON, and it may be cut."""

    mode: str
    request: str
    response: str


class Recorded(Struct, frozen=True, kw_only=True):
    """An exchange as it was recorded, with what was said in it.

    `sent` and `answer` are the command line's, `content` is the gateway's.
    """

    exchange: Exchange
    source: str
    conversation_id: str | None
    turn: int | None
    sent: tuple[Message, ...]
    answer: Message | None
    content: Content | None = None


_ENTRY = tuple(name for name in Entry.__struct_fields__ if name != "prompt")
_ATTEMPT = tuple(name for name in Attempt.__struct_fields__ if name != "usage")

ANY = Selection()
PAGE = 500
"""So many exchanges are read at once."""


class Records:
    """The database, opened for reading.

    Example:
        with Records(database_place(os.environ)) as records:
            for entry in records.recent(limit=20):
                print(entry.id, entry.prompt)
    """

    def __init__(self, place: Place) -> None:
        """Open the database. Raises: StoreError, also when nothing was ever recorded."""
        self._place = place
        self._connection: Connection = open_database(place, create=False)

    @property
    def connection(self) -> Connection:
        """The connection, for questions that are asked elsewhere."""
        return self._connection

    def recent(
        self,
        *,
        limit: int | None = None,
        query: Sequence[str] = (),
        conversation: str | None = None,
        selection: Selection = ANY,
    ) -> list[Entry]:
        """List exchanges, the latest first.

        `query`: each of these words occurs in what was said, in the model or in the error,
        whatever its case.

        Raises: StoreError.
        """
        if not all(map(can_occur, query)):
            return []
        conditions, values = selection.conditions()
        if conversation is not None:
            conditions.append("conversation_id = :conversation")
            values["conversation"] = conversation
        for number, word in enumerate(query):
            conditions.append(_matching(f":word{number}"))
            values[f"word{number}"] = _pattern(word)
        found: list[Entry] = []
        for row in self._backwards(conditions, values, PAGE if query else limit):
            if limit is not None and len(found) >= limit:
                break
            entry = self._entry(row, query)
            if entry is not None:
                found.append(entry)
        return found

    def find(self, part: str | None = None) -> Recorded | None:
        """Find an exchange by how its id begins or ends; None: the latest one.

        A part that several have is nobody's. Raises: StoreError.
        """
        if part is not None and not can_occur(part):
            return None
        if part is None:
            rows = self._connection.rows("SELECT * FROM exchange ORDER BY id DESC LIMIT 1")
        else:
            values = {"part": part, "length": len(part)}
            rows = self._connection.rows(
                f"SELECT * FROM exchange WHERE {HAS_PART} LIMIT 2",  # noqa: S608
                values,
            )
        return self._recorded(rows[0]) if len(rows) == 1 and part != "" else None

    def sums(self, by: By, *, since: float | None = None, selection: Selection = ANY) -> list[Sum]:
        """Add up attempts: days in their order, everything else by cost, then by tokens.

        `since` is Unix time, of the attempt; `selection` is of exchanges, by organisation, project,
        member, key and tag. What retention has deleted is told by the hourly sums, by whole hours
        of the exchange; by `key` it is one group, `DELETED`.

        Raises: StoreError.
        """
        return add_up(self._connection, by, since=since, selection=selection)

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

    # -- rows

    def _backwards(
        self, conditions: Sequence[str], values: Values, page: int | None
    ) -> Iterator[Any]:
        """Read exchanges, the latest first, so many at once."""
        size = min(page or PAGE, PAGE)
        before: str | None = None
        while True:
            all_of = [*conditions, *(["id < :before"] if before is not None else [])]
            where = f"WHERE {' AND '.join(all_of)}" if all_of else ""
            rows = self._connection.rows(
                f"SELECT {', '.join(_ENTRY)} FROM exchange {where} ORDER BY id DESC LIMIT :page",  # noqa: S608
                {**values, "before": before, "page": size},
            )
            yield from rows
            if len(rows) < size:
                return
            before = rows[-1]["id"]

    def _messages(
        self, exchange_id: str, *, asked_only: bool = False
    ) -> Iterator[tuple[str, Message]]:
        """Read what was said; `asked_only`: the last that was sent."""
        which = "AND direction = 'in' ORDER BY position DESC LIMIT 1" if asked_only else ""
        rows = self._connection.rows(
            "SELECT direction, role, parts FROM message"  # noqa: S608
            f" WHERE exchange_id = :id {which or 'ORDER BY position'}",
            {"id": exchange_id},
        )
        for row in rows:
            try:
                yield row["direction"], Message(row["role"], decode_parts(row["parts"]))
            except msgspec.MsgspecError as error:
                raise cannot(self._place, error) from None

    def _entry(self, row: Any, query: Sequence[str]) -> Entry | None:
        said = list(self._messages(row["id"], asked_only=not query))
        if query:
            facts = (row["asked"], row["provider"], row["model"], row["error"])
            texts = [*(_text(message) for _, message in said), *(fact or "" for fact in facts)]
            if not all(any(word.casefold() in t.casefold() for t in texts) for word in query):
                return None
        asked = [message for direction, message in said if direction == "in"]
        return Entry(**dict(row), prompt=_preview(asked[-1]) if asked else "")

    def _recorded(self, row: Any) -> Recorded:
        attempts = self._connection.rows(
            "SELECT * FROM attempt WHERE exchange_id = :id ORDER BY number", {"id": row["id"]}
        )
        said = list(self._messages(row["id"]))
        return Recorded(
            exchange=Exchange(
                id=row["id"],
                asked=row["asked"],
                route=row["route"],
                started_at=row["started_at"],
                stream=bool(row["stream"]),
                duration_s=row["duration_s"],
                first_token_s=row["first_token_s"],
                outcome=row["outcome"],
                endpoint=row["endpoint"],
                key=row["gateway_key"],
                status=row["status"],
                overhead_s=row["overhead_s"],
                organisation_id=row["organisation_id"],
                project_id=row["project_id"],
                account_id=row["account_id"],
                key_id=row["key_id"],
                tag=row["tag"],
                refused=row["error"],
                attempts=[attempt_of(attempt) for attempt in attempts],
                warnings=msgspec.json.decode(row["warnings"] or "[]", type=list[str]),
            ),
            source=row["source"],
            conversation_id=row["conversation_id"],
            turn=row["turn"],
            sent=tuple(message for direction, message in said if direction == "in"),
            answer=next((message for direction, message in said if direction == "out"), None),
            content=self._content(row["id"]),
        )

    def _content(self, exchange_id: str) -> Content | None:
        rows = self._connection.rows(
            "SELECT mode, request, response FROM content WHERE exchange_id = :id",
            {"id": exchange_id},
        )
        return Content(**dict(rows[0])) if rows else None


def attempt_of(row: Any) -> Attempt:
    """Read a row of `attempt`."""
    fields = {name: row[name] for name in _ATTEMPT}
    known = {name: row[name] for name in _USAGE if row[name] is not None}
    estimated = bool(row["usage_estimated"])
    usage = Usage(**known, estimated=estimated) if known or estimated else None
    return Attempt(**fields, usage=usage)


def _matching(mark: str) -> str:
    """The rows that may have a word in them; what is stored as JSON is looked at again later."""
    facts = " OR ".join(
        f"lower({name}) LIKE {mark} ESCAPE '!'" for name in ("asked", "provider", "model", "error")
    )
    return (
        f"({facts} OR EXISTS (SELECT 1 FROM message"  # noqa: S608
        f" WHERE exchange_id = exchange.id AND lower(parts) LIKE {mark} ESCAPE '!'))"
    )


def _pattern(word: str) -> str:
    """Make a pattern for what is stored as JSON."""
    return pattern(msgspec.json.encode(word).decode()[1:-1])


def _text(message: Message) -> str:
    return "\n".join(getattr(part, "text", "") for part in message.parts)


def _preview(message: Message) -> str:
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    others = [f"[{getattr(p, 'kind', 'part')}]" for p in message.parts if not isinstance(p, Text)]
    return " ".join([*" ".join(texts)[:400].split(), *others])
