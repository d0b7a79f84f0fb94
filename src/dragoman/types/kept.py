"""An answer as it was given, kept to be given again."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class KeptAnswer(Struct, frozen=True, kw_only=True, array_like=True):
    """What a client was sent: head and body. `at` is Unix time.

    `headers` are those that belong to the body and those that say who made it; `warnings` what was
    told about the request. With `stream` the body was sent in pieces, pings left out.
    """

    at: float
    status: int
    stream: bool
    headers: Mapping[str, str]
    body: bytes
    warnings: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return 600 + len(self.body) + sum(len(k) + len(v) for k, v in self.headers.items())
