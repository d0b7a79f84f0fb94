"""Where the texts of JSON are: every string that a person, a tool or a model may have said.

It is the same for all languages, so that nothing is overlooked because one of them has a field that
we do not model. What means something to programs alone (roles, ids) is left out; so are media, of
which it is told that they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Rewrite: TypeAlias = Callable[[str], str]
Unseen: TypeAlias = Callable[[], None]

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

_MEDIA = frozenset(
    {
        *("image", "image_url", "input_image", "image_generation_call", "input_audio", "audio"),
        *("input_file", "file", "input_video", "video", "video_url", "base64", "url"),
    }
)
"""Blocks and sources that no text is in, or none that stands here."""

_MEDIA_MEMBERS = frozenset({"b64_json", "file_data", "audio"})
_MADE = frozenset({*_OPAQUE, "object", "url", "audio", "embedding", "encoding", "result"})
"""Members of objects in answers that no text is in."""
_MADE_MEDIA = frozenset({"b64_json", "url", "audio"})
_REPEATS = frozenset({"words", "segments", "logprobs", "tokens"})

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


def rewrite_fields(
    fields: Mapping[str, Any], rewrite: Rewrite, unseen: Unseen = lambda: None
) -> dict[str, Any]:
    """Rewrite the texts of a request's fields; `unseen` is called for each of its media.

    Returns: the fields that changed, with their new values.
    """
    walk = _Walk(rewrite, unseen, _OPAQUE, _MEDIA_MEMBERS)
    changed = {}
    for name, value in fields.items():
        if name in _NOT_SAID:
            continue
        new = walk.rewritten(value, free=False)
        if new is not value:
            changed[name] = new
    return changed


def rewrite_answer(value: Any, rewrite: Rewrite, unseen: Unseen) -> Any:
    """Rewrite the texts of an answer; the very same object when nothing changed.

    Of a transcript whose text changed, what repeats it word by word is left out: a match may
    stand over several of them.
    """
    walk = _Walk(rewrite, unseen, _MADE, _MADE_MEDIA)
    if isinstance(value, dict) and isinstance(text := value.get("text"), str):
        new = rewrite(text)
        if new != text:
            value = {name: item for name, item in value.items() if name not in _REPEATS}
            rest = walk.rewritten({n: v for n, v in value.items() if n != "text"}, free=False)
            return {**rest, "text": new}
        rest = {name: item for name, item in value.items() if name != "text"}
        walked = walk.rewritten(rest, free=False)
        return value if walked is rest else {**walked, "text": text}
    return walk.rewritten(value, free=False)


class _Walk:
    """Goes through a value. `opaque`: members of objects that no text is in; `media` are some."""

    def __init__(
        self, rewrite: Rewrite, unseen: Unseen, opaque: frozenset[str], media: frozenset[str]
    ) -> None:
        self._rewrite = rewrite
        self._unseen = unseen
        self._opaque = opaque
        self._media = media

    def rewritten(self, value: Any, *, free: bool) -> Any:
        """Rewrite the texts in a value; the very same object when nothing changed."""
        if isinstance(value, str):
            if value.startswith(_DATA_URL):
                self._unseen()
                return value
            new = self._rewrite(value)
            return value if new == value else new
        if isinstance(value, list):
            items = [self.rewritten(item, free=free) for item in value]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        if isinstance(value, dict):
            made = not free and value.get("type") in _FREE
            self._note_media(value, free=free)
            members = {
                name: item
                if not free and name in self._opaque and isinstance(item, str)
                else self.rewritten(item, free=free or (made and name == "input"))
                for name, item in value.items()
            }
            return members if any(members[name] is not value[name] for name in value) else value
        return value

    def _note_media(self, value: Mapping[str, Any], *, free: bool) -> None:
        if free:
            return
        kind = value.get("type")
        is_media = isinstance(kind, str) and kind in _MEDIA
        if is_media or any(isinstance(value.get(name), str) for name in self._media):
            self._unseen()
