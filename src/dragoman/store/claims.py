"""Requests that must not be answered twice, over all workers: who has one, and what came of it.

Law: of those who claim the same, one gets it. Whoever has it must renew it; when it does not, being
dead, somebody else may take it.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.store.database import Connection, Place, StoreError, open_database
from dragoman.types.kept import KeptAnswer

_PURGE_EVERY = 200
_PURGE_LIMIT = 1000
_TOO_LARGE = ""


class ClaimKey(Struct, frozen=True):
    """What is claimed: an organisation's, with a gateway key, under a value of its choice."""

    organisation_id: str
    gateway_key: str
    value: str


class Claim(Struct, frozen=True):
    """What became of a claim.

    `mine`: whoever asked works on it. Else either `answer` is what is to be told, or `too_large`:
    it was answered, and the answer is not kept, or somebody works on it at the moment. `digest` is
    that of the request that came first.
    """

    mine: bool
    digest: str
    answer: KeptAnswer | None = None
    too_large: bool = False


class Claims:
    """Claims in the database; without a `place` in this process alone. Times are Unix seconds."""

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._rows: dict[ClaimKey, dict[str, Any]] = {}
        self._count = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(KeptAnswer).decode

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
        mine = row["holder"] == holder and row["answer"] is None
        return Claim(
            mine,
            row["digest"],
            self._read(row["answer"]),
            too_large=row["answer"] == _TOO_LARGE,
        )

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
        text = _TOO_LARGE if answer is None else base64.b64encode(self._encode(answer)).decode()
        self._change(
            key,
            holder,
            "UPDATE idempotency SET until = :until, answer = :answer",
            {"until": until, "answer": text},
        )

    def release(self, key: ClaimKey, holder: str) -> None:
        """Let others have it. Raises: StoreError."""
        self._change(key, holder, "DELETE FROM idempotency", None)

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

    def _read(self, text: str | None) -> KeptAnswer | None:
        return self._decode(base64.b64decode(text)) if text else None


_IS_IT = "organisation_id = :organisation_id AND gateway_key = :gateway_key AND value = :value"
_CLAIM = (
    "INSERT INTO idempotency (organisation_id, gateway_key, value, digest, holder, until)"
    " VALUES (:organisation_id, :gateway_key, :value, :digest, :holder, :until)"
    " ON CONFLICT (organisation_id, gateway_key, value) DO UPDATE"
    " SET digest = excluded.digest, holder = excluded.holder, until = excluded.until,"
    " answer = NULL WHERE idempotency.until <= :now"
)
_LOOK = f"SELECT digest, holder, answer FROM idempotency WHERE {_IS_IT}"  # noqa: S608
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
