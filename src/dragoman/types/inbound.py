"""What the head of a request to us tells, read in one place for both planes.

Two readers of credentials that differ are two doors.
"""

from __future__ import annotations

from collections.abc import Mapping

FORMS = ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data")
"""Media types that a web page may send anywhere without asking first."""

_KEYS = ("x-api-key", "api-key")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def read_keys(headers: Mapping[str, str]) -> set[str]:
    """List the keys that were sent, each once. Names of headers are lower-case.

    An empty one, or another scheme's than `Bearer`, is none.
    """
    found = {headers[name].strip() for name in _KEYS if name in headers}
    said = headers.get("authorization")
    if said is not None:
        scheme, _, key = said.partition(" ")
        if scheme.lower() == "bearer":
            found.add(key.strip())
    found.discard("")
    return found


def was_forwarded(headers: Mapping[str, str]) -> bool:
    """Whether a request says that it comes through a proxy."""
    return any(name in headers for name in _FORWARDED)


def media_type(headers: Mapping[str, str]) -> str:
    """Read what the body is said to be, without parameters; empty where nothing is said."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
