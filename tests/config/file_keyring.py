"""A keyring that keeps its passwords in the file that $TEST_KEYRING names, or fails as told.

    PYTHON_KEYRING_BACKEND=tests.config.file_keyring.FileKeyring TEST_KEYRING=/tmp/keys.json …

`TEST_KEYRING_FAULT`: `locked` (it raises its own error), `odd` (it raises anybody's), `forgets`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeyring(KeyringBackend):
    """The backend."""

    priority = 9

    def get_password(self, service: str, username: str) -> str | None:
        self._fail()
        found = self._read().get(f"{service}/{username}")
        return None if found is None else str(found)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._fail()
        if os.environ.get("TEST_KEYRING_FAULT") != "forgets":
            self._write({**self._read(), f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        self._fail()
        known = self._read()
        if known.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("not there")
        self._write(known)

    def _fail(self) -> None:
        fault = os.environ.get("TEST_KEYRING_FAULT")
        if fault == "locked":
            raise KeyringLocked("locked")
        if fault == "odd":
            raise OSError("the bus is gone, and the secret is sk-in-the-message")

    @property
    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def _read(self) -> dict[str, object]:
        return dict(json.loads(self._path.read_text())) if self._path.exists() else {}

    def _write(self, known: dict[str, object]) -> None:
        self._path.write_text(json.dumps(known))
