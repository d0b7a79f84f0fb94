"""What keeps secrets: the master keys, and the pepper of the digests.

The pepper is a random secret in `setting`, sealed like the others, so that digests outlive a change
of the master key. It is also the canary: who cannot open it has the wrong master key, and is told
so before anything is sealed with that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.errors import ConfigError
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.master_keys import (
    FILE_VARIABLE,
    OLD_VARIABLE,
    VARIABLE,
    NoMasterKey,
    find_master_keys,
    key_file,
    named_file,
)
from dragoman.organisations.sealing import MasterKeys, Purpose, Unreadable, key_id_of
from dragoman.organisations.tokens import Token, digest_of, make_token
from dragoman.store.database import StoreError, is_there

if TYPE_CHECKING:
    from dragoman.organisations.desk import Desk
    from dragoman.store.database import Connection
    from dragoman.types.credential import Secret

PEPPER = "pepper"
PEPPER_PURPOSE = Purpose("", "setting", PEPPER)
_PEPPER_BYTES = 32


class Safe:
    """Seals and opens, makes tokens and their digests. For any number of threads.

    Nothing is read before it is needed. `create`: nobody but this machine is served, and a master
    key is made where there is none, and nothing was ever sealed. Every method raises ConfigError
    for a master key that is missing or wrong, and StoreError when the database cannot be asked for
    the pepper, once.

    Example:
        safe = Safe(desk, os.environ)
        sealed = safe.seal("sk-…", Purpose(organisation_id, "provider", "acme"))
    """

    def __init__(self, desk: Desk, env: Mapping[str, str], *, create: bool = False) -> None:
        self._desk = desk
        self._env = env
        self._create = create
        self._lock = threading.Lock()
        self._keys: MasterKeys | None = None
        self._stamp: object = None
        self._pepper: bytes | None = None

    def check(self) -> None:
        """See that there is a master key, and the right one. Raises: ConfigError, StoreError."""
        self.pepper()

    def check_key(self, *, needed: bool) -> None:
        """See the same at the start of a server, at once, and without making anything.

        `needed`: others than this machine's user are served; without one is only who never had one
        to lose. Raises: ConfigError, StoreError.
        """
        try:
            keys = find_master_keys(self._env)
        except NoMasterKey as error:
            told = self._lost_or(error)
            if needed or told is not error:
                raise told from None
            return
        if not is_there(self._desk.place):
            return
        with self._desk.read() as connection:
            sealed = _sealed_pepper(connection)
        if sealed is not None and key_id_of(sealed) not in keys.ids:
            raise _wrong_key(sealed, keys)

    def seal(self, text: str, purpose: Purpose) -> str:
        """Seal a text, with the newest key there is."""
        self.pepper()  # with a wrong master key nothing is sealed
        return self.keys().seal(text, purpose)

    def open(self, sealed: str, purpose: Purpose) -> Secret:
        """Open what was sealed for the same purpose. Raises: Unreadable."""
        return self._keys_for(sealed).open(sealed, purpose)

    def make_token(self, kind: str) -> Token:
        """Make a token that begins with `kind_`."""
        return make_token(kind, self.pepper())

    def digest(self, text: str) -> str:
        """Say what is kept of a token."""
        return digest_of(text, self.pepper())

    def keys(self) -> MasterKeys:
        """Find the master keys; read anew when their file has changed. Makes none."""
        try:
            return self._find_keys(create=False)
        except NoMasterKey as error:
            raise self._lost_or(error) from None

    def pepper(self) -> bytes:
        """Find the pepper; make it when there is none yet."""
        if self._pepper is None:
            with self._desk.read() as connection:
                sealed = _sealed_pepper(connection)
            if sealed is None:
                sealed = self._make_pepper()
            self._pepper = self._open_pepper(sealed)
        return self._pepper

    def _find_keys(self, *, create: bool) -> MasterKeys:
        with self._lock:
            stamp = _stamp(named_file(self._env))
            if self._keys is None or stamp != self._stamp:
                self._keys = find_master_keys(self._env, create=create)
                self._stamp = stamp  # of before it was read: what is written meanwhile is seen
            return self._keys

    def _lost_or(self, error: NoMasterKey) -> NoMasterKey:
        """Tell a key that is gone from one that never was: a new one would open nothing."""
        sealed = None
        if is_there(self._desk.place):
            with suppress(StoreError), self._desk.read() as connection:
                sealed = _sealed_pepper(connection)
        return error if sealed is None else _lost_key(sealed, self._env)

    def _keys_for(self, sealed: str) -> MasterKeys:
        keys = self._keys
        return keys if keys is not None and key_id_of(sealed) in keys.ids else self.keys()

    def _make_pepper(self) -> str:
        keys = self._find_keys(create=self._create)
        mine = keys.seal(os.urandom(_PEPPER_BYTES).hex(), PEPPER_PURPOSE)
        with self._desk.change(SYSTEM, "create", "setting", PEPPER) as change:
            change.connection.insert(
                "setting",
                ("name", "value", "created_at", "updated_at"),
                [(PEPPER, mine, change.now, change.now)],
                once=True,
            )
            kept = _sealed_pepper(change.connection)
            assert kept is not None
            if kept == mine:
                change.note(None, {"master_key": keys.current.id})
        return kept

    def _open_pepper(self, sealed: str) -> bytes:
        try:
            return bytes.fromhex(self._keys_for(sealed).open(sealed, PEPPER_PURPOSE).reveal())
        except Unreadable as error:
            keys = self.keys()
            if key_id_of(sealed) in keys.ids:
                raise ConfigError(
                    error.message, hint="restore the database from a backup: no digest holds"
                ) from None
            raise _wrong_key(sealed, keys) from None


def _lost_key(sealed: str, env: Mapping[str, str]) -> NoMasterKey:
    return NoMasterKey(
        f"the master key is gone: {key_id_of(sealed) or 'one'} sealed the secrets of this database",
        hint=f"bring it back, as {key_file(env)} or in {VARIABLE}; a new one opens none of them."
        " To begin anew, name another database with DRAGOMAN_DATABASE_URL",
    )


def _wrong_key(sealed: str, keys: MasterKeys) -> ConfigError:
    return ConfigError(
        f"this is not the master key of this database: {key_id_of(sealed) or 'none'} sealed its"
        f" secrets, given is {', '.join(keys.ids)}",
        hint=f"set {VARIABLE} or {FILE_VARIABLE} to the right one;"
        f" one that it replaced belongs into {OLD_VARIABLE}",
    )


def _sealed_pepper(connection: Connection) -> str | None:
    found = connection.rows("SELECT value FROM setting WHERE name = :name", {"name": PEPPER})
    return found[0]["value"] if found else None


def _stamp(path: Path | None) -> object:
    """Tell one state of a file from another."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
