"""Ids of tool calls: every format has its own idea of which are allowed."""

from __future__ import annotations

import hashlib
import re

_SAFE = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def is_safe_id(call_id: str) -> bool:
    """Whether all formats take this id."""
    return _SAFE.fullmatch(call_id) is not None


def safe_id(call_id: str, prefix: str = "call_") -> str:
    """Make an id that all formats take: the same for the same, and another for another.

    One that is safe stays as it is. Source: Anthropic's pattern `^[a-zA-Z0-9_-]+$` and OpenAI's
    limit of 64 characters (read 2026-11).
    """
    return call_id if is_safe_id(call_id) else hashed_id(call_id, prefix)


def hashed_id(seed: str, prefix: str = "call_") -> str:
    """Make an id out of a text: the same for the same, another for another."""
    digest = hashlib.blake2s(seed.encode("utf-8", "replace"), digest_size=12)
    return prefix + digest.hexdigest()
