"""What the head of a request to us tells, read in one place for both planes.

Two readers of credentials that differ are two doors.
"""

from __future__ import annotations

from collections.abc import Mapping

FORMS = ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data")
"""Media types that a web page may send anywhere without asking first."""

_CREDENTIALS = ("authorization", "x-api-key", "api-key")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def read_keys(headers: Mapping[str, str]) -> set[str]:
    """List the keys that were sent, each once. Names of headers are lower-case."""
    sent = [(name, headers[name]) for name in _CREDENTIALS if name in headers]
    return {key for name, value in sent if (key := _key(name, value))}


def was_forwarded(headers: Mapping[str, str]) -> bool:
    """Whether a request says that it comes through a proxy."""
    return any(name in headers for name in _FORWARDED)


def media_type(headers: Mapping[str, str]) -> str:
    """Read what the body is said to be, without parameters; empty where nothing is said."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _key(name: str, value: str) -> str | None:
    """Read a key from a header; an empty one, or another scheme's, is none."""
    if name == "authorization":
        scheme, _, value = value.partition(" ")
        if scheme.lower() != "bearer":
            return None
    return value.strip() or None
