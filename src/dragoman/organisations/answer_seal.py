"""Seals answers that are kept for those who ask again: what was said is for its asker alone.

Each is sealed with a key of its own, derived from the pepper and from whose it is. So no change of
the master key makes it unreadable, and moved to another row it does not open. AES-256-GCM.

Source: NIST SP 800-38D (read 2026-11)
"""

from __future__ import annotations

import base64
import hmac
import json
import os

from dragoman.organisations.safe import Safe
from dragoman.organisations.sealing import Unreadable

_LABEL = b"dragoman answer 1\0"
_NONCE_BYTES = 12


class AnswerSeal:
    """Seals and opens; `owner` says whose an answer is. For any number of threads.

    Raises, from both: ConfigError for a master key that is missing or wrong, StoreError when the
    pepper cannot be read.
    """

    def __init__(self, safe: Safe) -> None:
        self._safe = safe

    def seal(self, data: bytes, owner: tuple[str, ...]) -> str:
        """Seal an answer."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._key(owner)).encrypt(nonce, data, None)
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, owner: tuple[str, ...]) -> bytes:
        """Open what was sealed for the same owner. Raises: Unreadable, as well."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            data = base64.b64decode(sealed, validate=True)
            return AESGCM(self._key(owner)).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise Unreadable(
                "a kept answer does not open", hint="ask with a new idempotency-key"
            ) from None

    def _key(self, owner: tuple[str, ...]) -> bytes:
        return hmac.digest(self._safe.pepper(), _LABEL + json.dumps(owner).encode(), "sha256")
