"""The store of credentials: in the system's keyring where one works, else in a file of one's own.

The file (mode 0600) lists every entry with the origin that its key is for; a key that is in the
keyring has no text there. A key is never sent to another origin than its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from dragoman.config import files
from dragoman.config.replace import alone, replace_file
from dragoman.config.secrets import CREDENTIALS_FILE, KEYRING_SERVICE, origin_of, read_stored
from dragoman.errors import ConfigError
from dragoman.types.credential import Secret


class StoredKey(Struct, frozen=True, kw_only=True):
    """An entry. `last_four` is enough to recognise a long key by; of a short one nothing is kept.

    `why_file` is set for a key that has just gone into the file: why it is not in the keyring.
    """

    name: str
    origin: str
    in_keyring: bool
    last_four: str = ""
    why_file: str | None = None


def store_file(env: Mapping[str, str]) -> Path:
    """The file's place."""
    return files.data_folder(env) / CREDENTIALS_FILE


def list_stored(env: Mapping[str, str]) -> tuple[StoredKey, ...]:
    """List what is stored, by name. Raises: ConfigError for a file that is open to others."""
    return tuple(_read(name, entry) for name, entry in sorted(read_stored(store_file(env)).items()))


def find_stored(name: str, env: Mapping[str, str]) -> StoredKey | None:
    """Look an entry up. Raises: ConfigError."""
    entry = read_stored(store_file(env)).get(name)
    return None if entry is None else _read(name, entry)


def store_key(
    name: str, key: Secret, base_url: str, env: Mapping[str, str], *, in_file: bool = False
) -> StoredKey:
    """Keep a provider's key, bound to the origin of `base_url`; one that was there is replaced.

    `in_file` leaves the keyring alone.

    Raises: ConfigError; OSError when the file cannot be written.
    """
    origin = origin_of(base_url)
    if origin is None:
        raise ConfigError(f"provider '{name}' has no base URL that a key could be bound to")
    why_file = "it was asked for" if in_file else _put_into_keyring(name, key)
    entry: dict[str, Any] = {"origin": origin, "last_four": key.last_four}
    entry |= {"keyring": True} if why_file is None else {"secret": key.reveal()}
    try:
        with alone(store_file(env)):
            known = dict(read_stored(store_file(env)))
            before = known.get(name)
            known[name] = entry
            _write(known, env)
    except BaseException:
        if why_file is None:
            _take_from_keyring(name)  # without its entry nobody would find it again
        raise
    if before is not None and before.get("keyring") is True and why_file is not None:
        _take_from_keyring(name)
    return StoredKey(
        name=name,
        origin=origin,
        in_keyring=why_file is None,
        last_four=key.last_four,
        why_file=why_file,
    )


def remove_key(name: str, env: Mapping[str, str]) -> bool:
    """Forget a provider's key; False when there is none. Raises: ConfigError, OSError."""
    if not store_file(env).exists():
        return False
    with alone(store_file(env)):
        known = dict(read_stored(store_file(env)))
        entry = known.pop(name, None)
        if entry is None:
            return False
        _write(known, env)
    if entry.get("keyring") is True:
        _take_from_keyring(name)
    return True


def _read(name: str, entry: Mapping[str, Any]) -> StoredKey:
    in_keyring = entry.get("keyring") is True
    secret = entry.get("secret")
    last_four = Secret(secret).last_four if isinstance(secret, str) else entry.get("last_four", "")
    return StoredKey(
        name=name,
        origin=str(entry.get("origin", "")),
        in_keyring=in_keyring,
        last_four=str(last_four)[-4:],
    )


def _write(known: Mapping[str, Mapping[str, Any]], env: Mapping[str, str]) -> None:
    path = store_file(env)
    data = json.dumps({"credentials": known}, indent=2, sort_keys=True) + "\n"
    if path.exists() and os.name == "posix":
        path.resolve().chmod(0o600)
    replace_file(path, data.encode())


def _put_into_keyring(name: str, key: Secret) -> str | None:
    """Put a key into the system's keyring, and see that it is there. Returns: why not, if not."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return "the keyring package is not installed (pip install 'dragoman[keyring]')"
    try:
        if keyring.get_keyring().priority <= 0:
            return "this machine has no keyring"
        keyring.set_password(KEYRING_SERVICE, name, key.reveal())
        if keyring.get_password(KEYRING_SERVICE, name) == key.reveal():
            return None
        return "the keyring did not keep it"
    except Exception as error:  # its backends raise whatever their system's library does
        return f"the keyring failed ({type(error).__name__})"


def _take_from_keyring(name: str) -> None:
    """Take a key out of the keyring. Raises: ConfigError when it cannot be."""
    try:
        import keyring
        import keyring.errors

        if keyring.get_password(KEYRING_SERVICE, name) is not None:
            keyring.delete_password(KEYRING_SERVICE, name)
    except Exception as error:  # as above
        raise ConfigError(
            f"the key of '{name}' is no longer used, but could not be taken out of the keyring"
            f" ({type(error).__name__})",
            hint=f"keyring del {KEYRING_SERVICE} {name}",
        ) from None
