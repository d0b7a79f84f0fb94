"""Secrets that we keep: sealed so that a copy of the database opens nothing.

AES-256-GCM. A sealed text is `v1.KEY.DATA`: the id of the master key that sealed it, and nonce and
ciphertext in URL-safe base64. Whose it is and what for is authenticated with it: moved to another
row, it does not open.

Source: NIST SP 800-38D (a random nonce of 96 bits, for fewer than 2^32 texts a key) (read 2026-11)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterable
from typing import NamedTuple

from dragoman.errors import ConfigError
from dragoman.types.credential import Secret

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1"
_ID_PERSON = b"dragoman key id"


class Unreadable(ConfigError):
    """A sealed text does not open: another key sealed it, or for another place, or it is damaged.

    A provider whose token it is cannot be used; whatever else there is can be.
    """

    code = "secret_unreadable"


class Purpose(NamedTuple):
    """Whose a sealed text is, and what for: `kind` is a table's name, `name` the row's."""

    organisation_id: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"


class MasterKey:
    """A master key and its id, which tells nothing of it. Raises: ValueError for a wrong length."""

    __slots__ = ("_raw", "id")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise ValueError(f"it has {len(raw)} bytes, and needs {KEY_BYTES}")
        self._raw = raw
        self.id = hashlib.blake2b(key=raw, person=_ID_PERSON, digest_size=8).hexdigest()

    def reveal(self) -> bytes:
        """The key itself."""
        return self._raw

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"


class MasterKeys:
    """The key that seals, and those that may still have to open.

    Example:
        keys = MasterKeys([MasterKey(os.urandom(32))])
        sealed = keys.seal("sk-…", Purpose("default", "provider", "acme"))
        keys.open(sealed, Purpose("default", "provider", "acme")).reveal()
    """

    def __init__(self, keys: Iterable[MasterKey]) -> None:
        self._keys = {key.id: key for key in keys}
        self.current = next(iter(self._keys.values()))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all of them, that of the sealing one first."""
        return tuple(self._keys)

    def seal(self, text: str, purpose: Purpose) -> str:
        """Seal a text."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self.current
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key.reveal()).encrypt(nonce, text.encode(), _bound_to(purpose))
        return f"{_VERSION}.{key.id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, purpose: Purpose) -> Secret:
        """Open what was sealed for the same purpose. Raises: Unreadable."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key_id, data = _parts(sealed, purpose)
        key = self._keys.get(key_id)
        if key is None:
            raise Unreadable(
                f"the secret of {purpose} was sealed with the master key {key_id}, which is not"
                " among those given",
                hint="put that key into DRAGOMAN_SECRET_KEYS_OLD, or enter the secret again",
            )
        try:
            opened = AESGCM(key.reveal()).decrypt(
                data[:_NONCE_BYTES], data[_NONCE_BYTES:], _bound_to(purpose)
            )
            return Secret(opened.decode())
        except (InvalidTag, ValueError):
            raise _damaged(purpose) from None


def key_id_of(sealed: str) -> str:
    """Say which master key sealed a text; an empty string for what is none of ours."""
    version, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if version == _VERSION else ""


def sealed_with(key_id: str) -> str:
    """Say how texts begin that this key sealed."""
    return f"{_VERSION}.{key_id}."


def _bound_to(purpose: Purpose) -> bytes:
    # As JSON: no two purposes are written alike, whatever their names hold.
    return json.dumps([_VERSION, *purpose]).encode()


def _parts(sealed: str, purpose: Purpose) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(".")
    key_id, _, text = rest.partition(".")
    try:
        data = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeError):
        data = b""
    # Base64 has several spellings of the same bytes: only the one that we write is ours.
    written = base64.urlsafe_b64encode(data).decode() == text
    if version != _VERSION or not written or len(data) <= _NONCE_BYTES:
        raise _damaged(purpose)
    return key_id, data


def _damaged(purpose: Purpose) -> Unreadable:
    return Unreadable(
        f"the secret of {purpose} is damaged, or was sealed for something else",
        hint="enter it again",
    )
