"""Where the texts of a request are: every string of its JSON that a person or tool may have said.

It is the same for all languages, so that nothing is overlooked because one of them has a field that
we do not model. What means something to programs alone (roles, ids, media in base64) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Rewrite: TypeAlias = Callable[[str], str]

_NOT_SAID = frozenset(
    {"model", "stream", "previous_response_id", "service_tier", "encoding_format"}
)
"""Fields at the top that hold no text."""

_OPAQUE = frozenset(
    {
        *("role", "type", "id", "call_id", "tool_call_id", "tool_use_id", "file_id", "item_id"),
        *("data", "b64_json", "file_data", "media_type", "format", "detail"),
        *("signature", "encrypted_content"),
    }
)
"""Members of objects that no text is in: names for programs, media, what providers sealed."""

_FREE = frozenset({"tool_use", "server_tool_use"})
"""Blocks whose `input` is made by a model, with names of its own choosing."""

_DATA_URL = "data:"


def texts_of(fields: Mapping[str, Any]) -> Iterator[str]:
    """List all texts of a request's fields, in order."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    rewrite_fields(fields, note)
    return iter(found)


def rewrite_fields(fields: Mapping[str, Any], rewrite: Rewrite) -> dict[str, Any]:
    """Rewrite the texts of a request's fields.

    Returns: the fields that changed, with their new values.
    """
    changed = {}
    for name, value in fields.items():
        if name in _NOT_SAID:
            continue
        new = _rewritten(value, rewrite, free=False)
        if new is not value:
            changed[name] = new
    return changed


def _rewritten(value: Any, rewrite: Rewrite, *, free: bool) -> Any:
    """Rewrite the texts in a value; the very same object when nothing changed."""
    if isinstance(value, str):
        if value.startswith(_DATA_URL):
            return value
        new = rewrite(value)
        return value if new == value else new
    if isinstance(value, list):
        items = [_rewritten(item, rewrite, free=free) for item in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        made = not free and value.get("type") in _FREE
        members = {
            name: item
            if not free and name in _OPAQUE and isinstance(item, str)
            else _rewritten(item, rewrite, free=free or (made and name == "input"))
            for name, item in value.items()
        }
        return members if any(members[name] is not value[name] for name in value) else value
    return value
