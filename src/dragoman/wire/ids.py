"""Ids of tool calls: every format has its own idea of which are allowed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

_SAFE = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SPELLED = re.compile(r"[a-z]+_b64-([a-zA-Z0-9_-]+)")


def is_safe_id(call_id: str) -> bool:
    """Whether all formats take this id."""
    return _SAFE.fullmatch(call_id) is not None


def safe_id(call_id: str, prefix: str = "call_") -> str:
    """Make an id that all formats take: the same for the same, and another for another.

    One that is safe stays as it is; another is spelled in letters that all take, so that
    `original_id` finds it again, unless it is too long for that. Source: Anthropic's pattern
    `^[a-zA-Z0-9_-]+$` and OpenAI's limit of 64 characters (read 2026-11).
    """
    if is_safe_id(call_id):
        return call_id
    letters = base64.urlsafe_b64encode(call_id.encode("utf-8", "replace")).rstrip(b"=").decode()
    spelled = f"{prefix}b64-{letters}"
    return spelled if letters and is_safe_id(spelled) else hashed_id(call_id, prefix)


def original_id(call_id: str) -> str:
    """Read an id that `safe_id` has spelled; any other is what it is.

    Some models count on their own ids: `functions.look:0` of Kimi's.
    """
    found = _SPELLED.fullmatch(call_id)
    if found is None:
        return call_id
    letters = found[1]
    try:
        return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)).decode()
    except (ValueError, binascii.Error):
        return call_id


def hashed_id(seed: str, prefix: str = "call_") -> str:
    """Make an id out of a text: the same for the same, another for another."""
    digest = hashlib.blake2s(seed.encode("utf-8", "replace"), digest_size=12)
    return prefix + digest.hexdigest()
