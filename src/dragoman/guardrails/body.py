"""Where the texts of JSON are: every string that a person, a tool or a model may have said.

It is the same for all languages, so that nothing is overlooked because one of them has a field that
we do not model. What means something to programs alone (roles, ids) is left out; so are media, of
which it is told that they are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol


class Looker(Protocol):
    """Looks at the texts that are found."""

    def whole(self, text: str) -> str:
        """Look at a text; return it as it may go on."""
        ...

    def whole_json(self, text: str) -> str:
        """Look at a text that is JSON."""
        ...

    def unseen(self) -> None:
        """Take note of something that cannot be looked at."""
        ...


_NOT_SAID = frozenset(
    {"model", "stream", "previous_response_id", "service_tier", "encoding_format"}
)
"""Fields at the top that hold no text."""

_TOKENS = frozenset({"input", "prompt"})
"""Fields at the top that may hold tokens instead of text."""

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
_MADE = frozenset({*_OPAQUE, "object", "model", "url", "audio", "embedding", "encoding", "result"})
"""Members of objects in answers that no text is in."""
_MADE_MEDIA = frozenset({"b64_json", "url", "audio"})
_REPEATS = frozenset({"words", "segments"})
_SPELLED = frozenset({"logprobs", "prompt_logprobs", "token_ids", "prompt_token_ids"})
"""Members of objects in answers that repeat what was said token by token: they are emptied."""

_FREE = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
"""Blocks whose `input` is made by a model, with names of its own choosing."""
_ARGUMENTS = "arguments"
"""The same as JSON text."""

_DATA_URL = re.compile(r"data:[^,\s]{0,200},")
_BASE64_URL = re.compile(r"data:[^,\s]{0,200};base64,[A-Za-z0-9+/=_\s-]*")


def rewrite_fields(fields: Mapping[str, Any], looker: Looker) -> dict[str, Any]:
    """Rewrite the texts of a request's fields, whatever its language.

    Returns: the fields that changed, with their new values.
    """
    walk = _Walk(looker, _OPAQUE, _MEDIA_MEMBERS)
    changed = {}
    for name, value in fields.items():
        if name in _NOT_SAID:
            continue
        if name in _TOKENS and _holds_tokens(value):
            looker.unseen()
        new = walk.member(name, value, free=False)
        if new is not value:
            changed[name] = new
    return changed


def rewrite_answer(value: Any, looker: Looker) -> Any:
    """Rewrite the texts of an answer; the very same object when nothing changed.

    Of a transcript whose text changed, what repeats it word by word is left out: a match may
    stand over several of them.
    """
    walk = _Walk(looker, _MADE, _MADE_MEDIA, _SPELLED)
    if not isinstance(value, dict) or not isinstance(text := value.get("text"), str):
        return walk.value(value, free=False)
    new = looker.whole(text)
    rest = {name: item for name, item in value.items() if name != "text"}
    if new != text:
        rest = {name: item for name, item in rest.items() if name not in _REPEATS}
    walked = walk.value(rest, free=False)
    return value if walked is rest and new == text else {**walked, "text": new}


def _holds_tokens(value: Any) -> bool:
    items = value if isinstance(value, list) else ()
    return any(type(item) is int or (isinstance(item, list) and item) for item in items)


class _Walk:
    """Goes through a value. `opaque`: members of objects that no text is in; `media` are some.

    `spelled` are those that are emptied. In what is `free` no name means anything to us.
    """

    def __init__(
        self,
        looker: Looker,
        opaque: frozenset[str],
        media: frozenset[str],
        spelled: frozenset[str] = frozenset(),
    ) -> None:
        self._looker = looker
        self._opaque = opaque
        self._media = media
        self._spelled = spelled

    def value(self, value: Any, *, free: bool) -> Any:
        """Rewrite the texts in a value; the very same object when nothing changed."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            items = [self.value(item, free=free) for item in value]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        if isinstance(value, dict):
            members = self._named(value) if free else self._known(value)
            same = len(members) == len(value) and all(
                value.get(name, self) is item for name, item in members.items()
            )
            return value if same else members
        if free and type(value) in (int, float):
            new = self._looker.whole(number := str(value))
            return value if new == number else new
        return value

    def member(self, name: str, value: Any, *, free: bool) -> Any:
        """Rewrite the texts in a member of an object, by its name."""
        if name == _ARGUMENTS and not free:
            if isinstance(value, str):
                return self._same(value, self._looker.whole_json(value))
            free = True
        if name in self._spelled and isinstance(value, list | dict):
            return value if not value else [] if isinstance(value, list) else None
        return self.value(value, free=free)

    def _named(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Rewrite an object whose names are texts, too."""
        return {self._text(name): self.value(item, free=True) for name, item in value.items()}

    def _known(self, value: Mapping[str, Any]) -> dict[str, Any]:
        kind = value.get("type")
        kind = kind if isinstance(kind, str) else ""
        if kind in _MEDIA or any(isinstance(value.get(name), str) for name in self._media):
            self._looker.unseen()
        said = {"data"} if kind == "text" else set()  # the source of a document of plain text
        return {
            name: item
            if name in self._opaque and name not in said and isinstance(item, str)
            else self.member(name, item, free=kind in _FREE and name == "input")
            for name, item in value.items()
        }

    def _text(self, text: str) -> str:
        if _DATA_URL.match(text):
            self._looker.unseen()
            if _BASE64_URL.fullmatch(text):
                return text
        return self._same(text, self._looker.whole(text))

    @staticmethod
    def _same(text: str, new: str) -> str:
        return text if new == text else new
