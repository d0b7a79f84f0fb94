"""Requests that must not be answered twice, over all workers: who has one, and what came of it.

Law: of those who claim the same, one gets it. Whoever has it must renew it; when it does not, being
dead, somebody else may take it, and sooner when it is known to be. An answer in the database is
sealed: it is nobody's but its asker's, and what is said may be logged nowhere else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

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


class Claims:
    """Claims in the database, their answers under a `seal`; without both in this process alone.

    Times are Unix seconds. `worker` is what this worker's journal is called: by it is known whose a
    claim was.
    """

    def __init__(self, place: Place | None = None, seal: Seal | None = None) -> None:
        assert (place is None) == (seal is None), "what is in a database is sealed"
        self.worker = ""
        self._place = place
        self._seal = seal
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._rows: dict[ClaimKey, dict[str, Any]] = {}
        self._count = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(KeptAnswer).decode

    def new_holder(self) -> str:
        """Name somebody of this worker who may claim something."""
        return f"{self.worker}/{new_id('hld')}"

    def claim(self, key: ClaimKey, digest: str, holder: str, now: float, lease_s: float) -> Claim:
        """Claim a request, unless somebody has. Raises: StoreError."""
        values = {**_named(key), "digest": digest, "holder": holder}
        values |= {"now": now, "until": now + lease_s}
        with self._lock:
            self._count += 1
            if self._place is None:
                row = self._claim_here(key, values)
            else:
                row = self._perform(lambda connection: _claim(connection, values))
            if self._count % _PURGE_EVERY == 0:
                self._purge(now)
        kept = row["answer"]
        mine = row["holder"] == holder and kept is None
        # Whose value it is, with another request, is told that and no answer.
        answer = self._read(key, kept) if kept and row["digest"] == digest else None
        return Claim(mine, row["digest"], answer, gone=kept is not None and answer is None)

    def renew(self, key: ClaimKey, holder: str, until: float) -> None:
        """Go on having a claim. Raises: StoreError."""
        self._change(
            key,
            holder,
            "UPDATE idempotency SET until = :until",
            {"until": until},
        )

    def settle(self, key: ClaimKey, holder: str, answer: KeptAnswer | None, until: float) -> None:
        """Keep the answer; None is one that is too large. Raises: StoreError."""
        text = _GONE if answer is None else self._write(key, answer)
        self._change(
            key,
            holder,
            "UPDATE idempotency SET until = :until, answer = :answer",
            {"until": until, "answer": text},
        )

    def release(self, key: ClaimKey, holder: str) -> None:
        """Let others have it. Raises: StoreError."""
        self._change(key, holder, "DELETE FROM idempotency", None)

    def abandon(self, worker: str) -> None:
        """Let others have what a dead worker was working on. Raises: StoreError."""
        if self._place is None:
            return  # what was here is gone
        with self._lock:
            self._perform(lambda connection: connection.write(_ABANDON, {"holders": f"{worker}/%"}))

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    # ------------------------------------------------------------------------------ in memory

    def _claim_here(self, key: ClaimKey, values: dict[str, Any]) -> dict[str, Any]:
        row = self._rows.get(key)
        if row is None or row["until"] <= values["now"]:
            row = self._rows[key] = {**values, "answer": None}
        return row

    # --------------------------------------------------------------------------- the database

    def _change(
        self, key: ClaimKey, holder: str, statement: str, values: dict[str, Any] | None
    ) -> None:
        """Change a claim that is still the holder's; None takes it away."""
        with self._lock:
            if self._place is not None:
                whole = f"{statement} WHERE {_IS_IT} AND holder = :holder AND answer IS NULL"
                told = {**_named(key), "holder": holder, **(values or {})}
                self._perform(lambda connection: connection.write(whole, told))
                return
            row = self._rows.get(key)
            if row is not None and row["holder"] == holder and row["answer"] is None:
                if values is None:
                    del self._rows[key]
                else:
                    row.update(values)

    def _perform(self, work: Callable[[Connection], Any]) -> Any:
        assert self._place is not None
        if self._connection is None:
            self._connection = open_database(self._place)
        try:
            return work(self._connection)
        except StoreError:
            self._drop()
            raise

    def _purge(self, now: float) -> None:
        """Forget what nobody may ask for any more."""
        if self._place is None:
            self._rows = {key: row for key, row in self._rows.items() if row["until"] > now}
            return
        values = {"now": now, "limit": _PURGE_LIMIT}
        self._perform(lambda connection: connection.write(_PURGE, values))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write(self, key: ClaimKey, answer: KeptAnswer) -> str | bytes:
        data = self._encode(answer)
        if self._seal is None:
            return data
        try:
            return self._seal.seal(data, astuple(key))
        except ConfigError as error:
            log.warning("an answer is not kept for those who ask again: %s", error)
            return _GONE

    def _read(self, key: ClaimKey, kept: str | bytes) -> KeptAnswer | None:
        if isinstance(kept, bytes):
            return self._decode(kept)
        assert self._seal is not None, "only what is in a database is text"
        try:
            return self._decode(self._seal.open(kept, astuple(key)))
        except ConfigError as error:
            log.warning("an answer that was kept cannot be given again: %s", error)
            return None


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


def _claim(connection: Connection, values: dict[str, Any]) -> Any:
    """Write a claim where there is none, and read whose it is."""
    wanted = {name: values[name] for name in ("organisation_id", "gateway_key", "value")}
    with connection.transaction():
        connection.write(_CLAIM, values)
        (row,) = connection.rows(_LOOK, wanted)
    return row


def _named(key: ClaimKey) -> dict[str, Any]:
    return {
        "organisation_id": key.organisation_id,
        "gateway_key": key.gateway_key,
        "value": key.value,
    }
