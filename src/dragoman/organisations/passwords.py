"""Passwords: kept as Argon2id digests, made and checked where it keeps nobody waiting.

19 MiB, 2 passes, 1 lane: about 30 ms. At most two are worked out at a time in a process, so that a
flood of wrong passwords takes neither the memory nor the cores.

Source: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
(read 2026-11)
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from dragoman.errors import InvalidRequest

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
LENGTH_LEAST = 12
LENGTH_LIMIT = 256

_turns = threading.BoundedSemaphore(2)


def check_password(password: str, param: str = "password") -> str:
    """See that a new password may be one. Raises: InvalidRequest."""
    if not LENGTH_LEAST <= len(password) <= LENGTH_LIMIT or len(set(password)) < 4:
        raise InvalidRequest(
            "the password is too easy to guess, or too long",
            param=param,
            hint=f"{LENGTH_LEAST} to {LENGTH_LIMIT} characters, not the same over and over",
        )
    return password


def digest_password(password: str) -> str:
    """Work out what is kept of a password."""
    with _turns:
        return _hasher().hash(password)


def matches(password: str, digest: str | None) -> bool:
    """Whether a password is the one. Without a digest it takes as long, and is not."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    if len(password) > LENGTH_LIMIT:
        return False
    with _turns:
        try:
            right = _hasher().verify(digest or _nobodys(), password)
        except (Argon2Error, InvalidHashError):
            return False
    return right and digest is not None


def is_outdated(digest: str) -> bool:
    """Whether a digest was made with other parameters than ours."""
    return _hasher().check_needs_rehash(digest)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody's password")
