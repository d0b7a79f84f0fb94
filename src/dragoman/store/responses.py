"""Responses that can be continued: who made which, and what we keep of them ourselves.

Law: a response belongs to the gateway key that asked for it; to any other it does not exist.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dragoman.store.database import (
    Connection,
    Place,
    StoreError,
    UnwritableRow,
    is_there,
    open_database,
)
from dragoman.types.exchange import DEFAULT_ORGANISATION

log = logging.getLogger("dragoman.store")

PROVIDER_TTL_S = 30 * 86_400.0
"""How long a provider's response is remembered. Precedent: OpenAI keeps them for 30 days.
Source: https://platform.openai.com/docs/guides/conversation-state (read 2026-11)"""

LIMIT = 10_000
LIMIT_BYTES = 64 * 1024 * 1024
_PURGE_EVERY = 500
_AGAIN_S = 1.0
"""After so long a database that could not be written is tried again."""
_LAST_WORDS_S = 10.0
"""For what is still to be written at the end."""
SETTLE_S = 1.0
"""So long a client waits until it is noted that a response is paid for."""
COLUMNS = (
    "gateway_key", "id", "provider", "model", "credential", "expires_at", "body", "input",
    "organisation_id", "own", "owed", "due_at",
)  # fmt: skip
"""Those of the table; its key comes first."""
_FLAGS = ("own", "owed")


class StoredResponse(Struct, frozen=True, kw_only=True):
    """A response, and the deployment that made it. `expires_at` is Unix time.

    `key` is the gateway key's name, empty where none is needed. `body` is the response and `input`
    the items that led to it, as JSON, where we keep them; None where the provider does.

    `organisation_id` is whose key it is; `own`: the provider is that organisation's as well, and
    not the operator's. `owed`: it is not counted yet what it used; then `due_at` is when we look
    ourselves.
    """

    id: str
    key: str
    provider: str
    model: str
    credential: int | None = None
    expires_at: float
    body: str | None = None
    input: str | None = None
    organisation_id: str = DEFAULT_ORGANISATION
    own: bool = False
    owed: bool = False
    due_at: float = 0.0

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return 500 + len(self.body or "") + len(self.input or "")


class Responses:
    """What is remembered: in the database, and in memory until it is written there.

    Without a `place` memory is all there is, and bounded. Writing is done by a thread, in order; it
    waits for a database that is away, with so many changes at most. Another process sees a change a
    moment later. `wall` is Unix time.
    """

    def __init__(
        self,
        place: Place | None,
        *,
        wall: Callable[[], float] = time.time,
        limit: int = LIMIT,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._place = place
        self._wall = wall
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[tuple[str, str], StoredResponse | None] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()
        self._reader: Connection | None = None
        self._reading = threading.Lock()
        self._work: deque[_Change | _Settlement] = deque()
        self._waiting_bytes = 0
        self._told = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, response: StoredResponse) -> None:
        """Remember a response."""
        self._keep((response.key, response.id), response)
        self._write(_Change(response.key, response.id, response))

    async def fetch(self, key: str, response_id: str) -> StoredResponse | None:
        """Do what `find` does, without holding up the event loop. Raises: StoreError."""
        with self._lock:
            is_kept = self._place is None or (key, response_id) in self._kept
        if is_kept:
            return self.find(key, response_id)
        return await asyncio.to_thread(self.find, key, response_id)

    def find(self, key: str, response_id: str) -> StoredResponse | None:
        """Find a response of this key's. Raises: StoreError."""
        at = (key, response_id)
        with self._lock:
            is_kept = at in self._kept
            found = self._kept.get(at)
        if not is_kept:
            with self._reading:
                found = self._read(at)
        return found if found is not None and found.expires_at > self._wall() else None

    def remove(self, key: str, response_id: str) -> None:
        """Forget a response."""
        self._keep((key, response_id), None)
        self._write(_Change(key, response_id, None))

    async def settle(self, made: StoredResponse) -> bool:
        """Note that a response is not owed any more; True for one alone of all who say so.

        Where that cannot be done, or not in a moment, it is False and stays owed.
        """
        if self._place is None:
            return self._settle_kept((made.key, made.id))
        work = _Settlement(made.key, made.id, Future())
        self._write(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work.done), SETTLE_S)
        except StoreError as error:
            log.warning("a response stays owed: %s", error)
        except TimeoutError:
            self._take_back(work, made)
            log.warning("a response stays owed: the database takes too long")
        except asyncio.CancelledError:
            self._take_back(work, made)
            raise
        return False

    def _take_back(self, work: _Settlement, made: StoredResponse) -> None:
        """See that what is being settled for nobody is owed again."""

        def owe(done: Future[bool]) -> None:
            if not done.cancelled() and done.exception() is None and done.result():
                self.add(made)

        if not work.done.cancel():
            work.done.add_done_callback(owe)

    def close(self) -> None:
        """Write what is still to be written, and close the database."""
        if self._thread is not None:
            with self._told:
                self._closing = True
                self._told.notify()
            self._thread.join(_LAST_WORDS_S)
            self._thread = None
        self._closing = False
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # -------------------------------------------------------------------------------- memory

    def _keep(self, place: tuple[str, str], response: StoredResponse | None) -> None:
        """Keep the latest; None says that there is none, whatever the database still holds."""
        with self._lock:
            self._drop(place)
            self._kept[place] = response
            self._size_bytes += response.size_bytes if response else 0
            while len(self._kept) > self._limit or self._size_bytes > self._limit_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, place: tuple[str, str]) -> None:
        before = self._kept.pop(place, None)
        self._size_bytes -= before.size_bytes if before else 0

    def _settle_kept(self, place: tuple[str, str]) -> bool:
        """Settle what is in memory alone."""
        with self._lock:
            made = self._kept.get(place)
            if made is None or not made.owed:
                return False
            self._kept[place] = replace(made, owed=False)
            return True

    def _let_go(self, change: _Change) -> None:
        """Leave to the database what it has now, so that what others do to it is seen."""
        place = (change.key, change.id)
        with self._lock:
            if self._kept.get(place) is change.response:
                self._drop(place)

    # ------------------------------------------------------------------------------ database

    def _read(self, at: tuple[str, str]) -> StoredResponse | None:
        if self._place is None or not is_there(self._place):
            return None
        try:
            if self._reader is None:
                self._reader = open_database(self._place)
            found = self._reader.rows(
                f"SELECT {', '.join(COLUMNS)} FROM response"  # noqa: S608
                " WHERE gateway_key = :key AND id = :id",
                {"key": at[0], "id": at[1]},
            )
        except StoreError:
            if self._reader is not None:
                self._reader.close()
                self._reader = None  # opened anew the next time
            raise
        return read_row(found[0]) if found else None

    def _write(self, change: _Change | _Settlement) -> None:
        if self._place is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="responses", daemon=True)
            self._thread.start()
        with self._told:
            self._work.append(change)
            self._waiting_bytes += change.size_bytes
            while len(self._work) > LIMIT or self._waiting_bytes > self._limit_bytes:
                self._waiting_bytes -= self._work.popleft().size_bytes
                log.warning("a response is not kept beyond this process: too many wait")
            self._told.notify()

    def _run(self) -> None:
        """Write changes as they come. One that cannot be written is said to be lost."""
        writer = _Writer(self._place, self._wall)
        while True:
            with self._told:
                self._told.wait_for(lambda: self._work or self._closing)
                if not self._work:
                    break
                change = self._work[0]
            try:
                if isinstance(change, _Settlement):
                    self._settle(writer, change)
                else:
                    writer.write(change)
                    self._let_go(change)
            except StoreError as error:
                with self._told:
                    if not (self._closing or isinstance(error, UnwritableRow)):
                        self._told.wait_for(lambda: self._closing, _AGAIN_S)
                        continue
                log.warning("a response cannot be kept beyond this process: %s", error)
            with self._told:
                if self._work and self._work[0] is change:
                    self._waiting_bytes -= self._work.popleft().size_bytes
        writer.close()

    def _settle(self, writer: _Writer, work: _Settlement) -> None:
        """Settle what was written before; what could not be, in memory."""
        if not work.done.set_running_or_notify_cancel():
            return
        try:
            settled = writer.settle(work) or self._settle_unwritten((work.key, work.id))
        except StoreError as error:
            work.done.set_exception(error)
        else:
            work.done.set_result(settled)

    def _settle_unwritten(self, place: tuple[str, str]) -> bool:
        """Settle what cannot be written; not what is about to be, which comes after."""
        with self._told:
            changes = [each for each in self._work if isinstance(each, _Change)]
        return place not in {(each.key, each.id) for each in changes} and self._settle_kept(place)


class _Writer:
    """Writes changes, and purges now and then; opens the database anew after a failure."""

    def __init__(self, place: Place | None, wall: Callable[[], float]) -> None:
        assert place is not None
        self._place = place
        self._wall = wall
        self._connection: Connection | None = None
        self._count = 0

    def write(self, change: _Change) -> None:
        """Write one. Raises: StoreError."""
        with self._opened() as connection:
            if self._count % _PURGE_EVERY == 0:
                now = {"now": self._wall()}
                connection.write("DELETE FROM response WHERE expires_at <= :now", now)
            _apply(connection, change)
        self._count += 1

    def settle(self, work: _Settlement) -> bool:
        """Note that one is not owed any more; False if it was not. Raises: StoreError."""
        with self._opened() as connection:
            return bool(
                connection.rows(
                    "UPDATE response SET owed = 0"
                    " WHERE gateway_key = :key AND id = :id AND owed = 1 RETURNING id",
                    {"key": work.key, "id": work.id},
                )
            )

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Connection]:
        try:
            if self._connection is None:
                self._connection = open_database(self._place)
            yield self._connection
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Change(Struct, frozen=True):
    """What is to be written: a response, or None for its end."""

    key: str
    id: str
    response: StoredResponse | None

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return self.response.size_bytes if self.response is not None else 0


class _Settlement(Struct, frozen=True):
    """That a response is to be owed no more. `done` says whether it was until then."""

    key: str
    id: str
    done: Future[bool]
    size_bytes: int = 500


def _apply(connection: Connection, change: _Change) -> None:
    made = change.response
    if made is None:
        connection.write(
            "DELETE FROM response WHERE gateway_key = :key AND id = :id",
            {"key": change.key, "id": change.id},
        )
        return
    values = {"gateway_key": made.key} | {name: getattr(made, name) for name in COLUMNS[1:]}
    connection.write(
        f"INSERT INTO response ({', '.join(COLUMNS)})"  # noqa: S608
        f" VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
        " ON CONFLICT (gateway_key, id) DO UPDATE"
        f" SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS[2:])}",
        values | {name: int(values[name]) for name in _FLAGS},
    )


def read_row(row: Mapping[str, Any]) -> StoredResponse:
    """Read a row of `response` that has `COLUMNS`."""
    values = {name: row[name] for name in COLUMNS[1:]}
    flags = {name: bool(values[name]) for name in _FLAGS}
    return StoredResponse(key=row["gateway_key"], **(values | flags))
