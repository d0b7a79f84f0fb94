"""Responses that can be continued: who made which, and what we keep of them ourselves.

Law: a response belongs to the gateway key that asked for it; to any other it does not exist.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from dragoman.store.database import StoreError, cannot, open_database

log = logging.getLogger("dragoman.store")

PROVIDER_TTL_S = 30 * 86_400.0
"""How long a provider's response is remembered. Precedent: OpenAI keeps them for 30 days.
Source: https://platform.openai.com/docs/guides/conversation-state (read 2026-11)"""

LIMIT = 10_000
LIMIT_BYTES = 64 * 1024 * 1024
_PURGE_EVERY = 500


class StoredResponse(Struct, frozen=True, kw_only=True):
    """A response, and the deployment that made it. `expires_at` is Unix time.

    `key` is the gateway key's name, empty where none is needed. `body` is the response and `input`
    the items that led to it, as JSON, where we keep them; None where the provider does.
    """

    id: str
    key: str
    provider: str
    model: str
    credential: int | None = None
    expires_at: float
    body: str | None = None
    input: str | None = None

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return 500 + len(self.body or "") + len(self.input or "")


class Responses:
    """What is remembered: in the database, and in memory until it is written there.

    Without a `path`, or while it cannot be written, memory is all there is, and bounded. Writing is
    done by a thread, in order; another process sees a change a moment later. Reading is for one
    thread. `wall` is Unix time.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        wall: Callable[[], float] = time.time,
        limit: int = LIMIT,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._path = path
        self._wall = wall
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[tuple[str, str], StoredResponse | None] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._work: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, response: StoredResponse) -> None:
        """Remember a response."""
        self._keep((response.key, response.id), response)
        self._write(_Change(response.key, response.id, response))

    def find(self, key: str, response_id: str) -> StoredResponse | None:
        """Find a response of this key's. Raises: StoreError."""
        place = (key, response_id)
        with self._lock:
            is_kept = place in self._kept
            found = self._kept.get(place)
        if not is_kept:
            found = self._read(place)
        return found if found is not None and found.expires_at > self._wall() else None

    def remove(self, key: str, response_id: str) -> None:
        """Forget a response."""
        self._keep((key, response_id), None)
        self._write(_Change(key, response_id, None))

    def close(self) -> None:
        """Write what is still to be written, and close the database."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None
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

    def _let_go(self, change: _Change) -> None:
        """Leave to the database what it has now, so that what others do to it is seen."""
        place = (change.key, change.id)
        with self._lock:
            if self._kept.get(place) is change.response:
                self._drop(place)

    # ------------------------------------------------------------------------------ database

    def _read(self, place: tuple[str, str]) -> StoredResponse | None:
        if self._path is None or not self._path.exists():
            return None
        try:
            if self._reader is None:
                self._reader = open_database(self._path)
            row = self._reader.execute(
                "SELECT provider, model, credential, expires_at, body, input FROM response"
                " WHERE gateway_key = ? AND id = ?",
                place,
            ).fetchone()
        except sqlite3.Error as error:
            raise cannot(self._path, error) from None
        if row is None:
            return None
        provider, model, credential, expires_at, body, said = row
        return StoredResponse(
            id=place[1],
            key=place[0],
            provider=provider,
            model=model,
            credential=credential,
            expires_at=expires_at,
            body=body,
            input=said,
        )

    def _write(self, change: _Change) -> None:
        if self._path is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="responses", daemon=True)
            self._thread.start()
        self._work.put(change)

    def _run(self) -> None:
        """Write changes as they come. One that cannot be written is said to be lost."""
        assert self._path is not None
        connection: sqlite3.Connection | None = None
        count = 0
        while (change := self._work.get()) is not None:
            try:
                if connection is None:
                    connection = open_database(self._path)
                if count % _PURGE_EVERY == 0:
                    connection.execute("DELETE FROM response WHERE expires_at <= ?", [self._wall()])
                count += 1
                _apply(connection, change)
                self._let_go(change)
            except (sqlite3.Error, StoreError) as error:
                log.warning("a response cannot be kept beyond this process: %s", error)
        if connection is not None:
            connection.close()


class _Change(Struct, frozen=True):
    """What is to be written: a response, or None for its end."""

    key: str
    id: str
    response: StoredResponse | None


def _apply(connection: sqlite3.Connection, change: _Change) -> None:
    made = change.response
    if made is None:
        connection.execute(
            "DELETE FROM response WHERE gateway_key = ? AND id = ?", (change.key, change.id)
        )
        return
    connection.execute(
        "INSERT OR REPLACE INTO response"
        " (gateway_key, id, provider, model, credential, expires_at, body, input)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            made.key,
            made.id,
            made.provider,
            made.model,
            made.credential,
            made.expires_at,
            made.body,
            made.input,
        ),
    )
