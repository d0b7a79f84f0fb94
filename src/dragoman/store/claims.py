"""Requests that must not be answered twice, over all workers: who has one, and what came of it.

Law: of those who claim the same, one gets it. Whoever has it must renew it; when it does not, being
dead, somebody else may take it, and sooner when it is known to be. An answer in the database is
sealed: it is nobody's but its asker's, and what is said may be logged nowhere else.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, astuple

from dragoman.errors import ConfigError
from dragoman.store.database import Connection, Place, StoreError, open_database
from dragoman.types.identifier import new_id
from dragoman.types.kept import KeptAnswer

log = logging.getLogger("dragoman.server")

_PURGE_EVERY = 200
_PURGE_LIMIT = 1000
_GONE = ""


class ClaimKey(Struct, frozen=True):
    """What is claimed: an organisation's, with a gateway key, under a value of its choice."""

    organisation_id: str
    gateway_key: str
    value: str


class Claim(Struct, frozen=True):
    """What became of a claim.

    `mine`: whoever asked works on it. Else either `answer` is what is to be told, or `gone`: it was
    answered, and the answer is not kept, or somebody works on it at the moment. `digest` is that of
    the request that came first.
    """

    mine: bool
    digest: str
    answer: KeptAnswer | None = None
    gone: bool = False


class Seal(Protocol):
    """Makes of an answer what only we can open, for the same `owner`. Raises: ConfigError."""

    def seal(self, data: bytes, owner: tuple[str, ...]) -> str:
        """Seal an answer. Raises: StoreError, as well."""
        ...

    def open(self, sealed: str, owner: tuple[str, ...]) -> bytes:
        """Open what was sealed. Raises: StoreError, as well."""
        ...


class Claims(ABC):
    """Claims of this worker and all others, for any thread. Times are Unix seconds.

    `worker` is what this worker's journal is called: by it is known whose a claim was.
    """

    def __init__(self) -> None:
        self.worker = ""
        self._lock = threading.Lock()
        self._count = 0

    def new_holder(self) -> str:
        """Name somebody of this worker who may claim something."""
        return f"{self.worker}/{new_id('hld')}"

    @abstractmethod
    def claim(self, key: ClaimKey, digest: str, holder: str, now: float, lease_s: float) -> Claim:
        """Claim a request, unless somebody has. Raises: StoreError."""

    @abstractmethod
    def renew(self, key: ClaimKey, holder: str, until: float) -> None:
        """Go on having a claim. Raises: StoreError."""

    @abstractmethod
    def settle(self, key: ClaimKey, holder: str, answer: KeptAnswer | None, until: float) -> None:
        """Keep the answer; None is one that is too large. Raises: StoreError."""

    @abstractmethod
    def release(self, key: ClaimKey, holder: str) -> None:
        """Let others have it. Raises: StoreError."""

    @abstractmethod
    def abandon(self, worker: str) -> None:
        """Let others have what a dead worker was working on. Raises: StoreError."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open."""

    def _is_time_to_purge(self) -> bool:
        self._count += 1
        return self._count % _PURGE_EVERY == 0


class _Row(Struct):
    """A claim in memory; once it is settled it has an answer, unless that was too large."""

    digest: str
    holder: str
    until: float
    settled: bool = False
    answer: KeptAnswer | None = None


class MemoryClaims(Claims):
    """Claims in the memory of this process, which is the only one that answers."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[ClaimKey, _Row] = {}

    def claim(self, key: ClaimKey, digest: str, holder: str, now: float, lease_s: float) -> Claim:
        """See `Claims.claim`."""
        with self._lock:
            if self._is_time_to_purge():
                self._rows = {key: row for key, row in self._rows.items() if row.until > now}
            row = self._rows.get(key)
            if row is None or row.until <= now:
                row = self._rows[key] = _Row(digest, holder, now + lease_s)
            answer = row.answer if row.digest == digest else None
            return _outcome(row.digest, row.holder, holder, answer, settled=row.settled)

    def renew(self, key: ClaimKey, holder: str, until: float) -> None:
        """See `Claims.renew`."""
        with self._lock:
            if row := self._find(key, holder):
                row.until = until

    def settle(self, key: ClaimKey, holder: str, answer: KeptAnswer | None, until: float) -> None:
        """See `Claims.settle`."""
        with self._lock:
            if row := self._find(key, holder):
                row.settled, row.answer, row.until = True, answer, until

    def release(self, key: ClaimKey, holder: str) -> None:
        """See `Claims.release`."""
        with self._lock:
            if self._find(key, holder):
                del self._rows[key]

    def abandon(self, worker: str) -> None:
        """See `Claims.abandon`. What a dead worker had is gone with its memory."""

    def close(self) -> None:
        """See `Claims.close`."""

    def _find(self, key: ClaimKey, holder: str) -> _Row | None:
        """Find a claim that is still the holder's."""
        row = self._rows.get(key)
        return row if row is not None and row.holder == holder and not row.settled else None


class StoredClaims(Claims):
    """Claims in the database, for all workers; their answers are under a `seal`."""

    def __init__(self, place: Place, seal: Seal) -> None:
        super().__init__()
        self._place = place
        self._seal = seal
        self._connection: Connection | None = None
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(KeptAnswer).decode

    def claim(self, key: ClaimKey, digest: str, holder: str, now: float, lease_s: float) -> Claim:
        """See `Claims.claim`."""
        which = asdict(key)
        wanted = {**which, "digest": digest, "holder": holder, "now": now, "until": now + lease_s}
        with self._lock, self._open() as connection:
            with connection.transaction():
                connection.write(_CLAIM, wanted)
                (row,) = connection.rows(_LOOK, which)
            if self._is_time_to_purge():
                connection.write(_PURGE, {"now": now, "limit": _PURGE_LIMIT})
        kept = row["answer"]
        # Whose value it is, with another request, is told that and no answer.
        answer = self._read(key, kept) if kept and row["digest"] == digest else None
        settled = kept is not None
        return _outcome(row["digest"], row["holder"], holder, answer, settled=settled)

    def renew(self, key: ClaimKey, holder: str, until: float) -> None:
        """See `Claims.renew`."""
        self._change(key, holder, "UPDATE idempotency SET until = :until", until=until)

    def settle(self, key: ClaimKey, holder: str, answer: KeptAnswer | None, until: float) -> None:
        """See `Claims.settle`."""
        text = _GONE if answer is None else self._write(key, answer)
        statement = "UPDATE idempotency SET until = :until, answer = :answer"
        self._change(key, holder, statement, until=until, answer=text)

    def release(self, key: ClaimKey, holder: str) -> None:
        """See `Claims.release`."""
        self._change(key, holder, "DELETE FROM idempotency")

    def abandon(self, worker: str) -> None:
        """See `Claims.abandon`."""
        with self._lock, self._open() as connection:
            connection.write(_ABANDON, {"holders": f"{worker}/%"})

    def close(self) -> None:
        """See `Claims.close`."""
        with self._lock:
            self._disconnect()

    def _change(self, key: ClaimKey, holder: str, statement: str, **values: Any) -> None:
        """Change a claim that is still the holder's."""
        whole = f"{statement} WHERE {_IS_IT} AND holder = :holder AND answer IS NULL"
        with self._lock, self._open() as connection:
            connection.write(whole, {**asdict(key), "holder": holder, **values})

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        """Lend the connection, opened anew after a failure. Raises: StoreError."""
        if self._connection is None:
            self._connection = open_database(self._place)
        try:
            yield self._connection
        except StoreError:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write(self, key: ClaimKey, answer: KeptAnswer) -> str:
        try:
            return self._seal.seal(self._encode(answer), astuple(key))
        except ConfigError as error:
            log.warning("an answer is not kept for those who ask again: %s", error)
            return _GONE

    def _read(self, key: ClaimKey, kept: str) -> KeptAnswer | None:
        try:
            return self._decode(self._seal.open(kept, astuple(key)))
        except ConfigError as error:
            log.warning("an answer that was kept cannot be given again: %s", error)
            return None


def _outcome(
    digest: str, has_it: str, asks: str, answer: KeptAnswer | None, *, settled: bool
) -> Claim:
    mine = has_it == asks and not settled
    return Claim(mine, digest, answer, gone=settled and answer is None)


_IS_IT = "organisation_id = :organisation_id AND gateway_key = :gateway_key AND value = :value"
_CLAIM = (
    "INSERT INTO idempotency (organisation_id, gateway_key, value, digest, holder, until)"
    " VALUES (:organisation_id, :gateway_key, :value, :digest, :holder, :until)"
    " ON CONFLICT (organisation_id, gateway_key, value) DO UPDATE"
    " SET digest = excluded.digest, holder = excluded.holder, until = excluded.until,"
    " answer = NULL WHERE idempotency.until <= :now"
)
_LOOK = f"SELECT digest, holder, answer FROM idempotency WHERE {_IS_IT}"  # noqa: S608
_ABANDON = "DELETE FROM idempotency WHERE holder LIKE :holders AND answer IS NULL"
_PURGE = (
    "DELETE FROM idempotency WHERE (organisation_id, gateway_key, value) IN"
    " (SELECT organisation_id, gateway_key, value FROM idempotency"
    " WHERE until <= :now ORDER BY until LIMIT :limit)"
)
