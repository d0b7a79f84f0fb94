"""Keeps a credential out of what an upstream says of it."""

from __future__ import annotations

from dragoman.errors import DragomanError

SECRET_CHARS = 8
"""A shorter credential is no secret, and may well be a word."""
_REPEATED = ("message", "code", "request_id", "upstream_code", "upstream_type", "param")


def hide_secret(error: DragomanError, secret: str) -> None:
    """Take a credential out of whatever of an error repeats it."""
    if len(secret) < SECRET_CHARS:
        return
    for name in _REPEATED:
        said = getattr(error, name, None)
        if isinstance(said, str) and secret in said:
            setattr(error, name, said.replace(secret, "…"))
    error.args = (error.message,)
    error.raw = error.raw.replace(secret.encode(), b"...") if error.raw else error.raw
