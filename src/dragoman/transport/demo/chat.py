"""The request as the demo reads it, and how it counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

BYTES_PER_TOKEN = 6
"""A word is a token; a longer one (base64, a script without spaces) is one for every six bytes."""

ATTACHMENT_TOKENS = 1000


class Chat(msgspec.Struct, kw_only=True):
    """A chat completions request. Fields that the demo has no use for are passed over."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    delay_s: float | None = None

    @property
    def limit(self) -> int | None:
        """How many tokens the answer may have."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the usage, which it does only when asked."""
        return bool((self.stream_options or {}).get("include_usage"))

    @property
    def prompt_tokens(self) -> int:
        """Tokens of messages and tools."""
        parts = [part for message in self.messages for part in _parts(message)]
        tokens = sum(count_tokens(text) for text in map(_text, parts) if text is not None)
        tokens += ATTACHMENT_TOKENS * sum(_text(part) is None for part in parts)
        extra = [*(self.tools or ()), *(m["tool_calls"] for m in self.messages if _calls(m))]
        return tokens + sum(count_tokens(msgspec.json.encode(item).decode()) for item in extra)

    @property
    def last_text(self) -> str:
        """The text of the last message of the user; several parts are paragraphs."""
        texts = map(_text, _parts(self.messages[self._last_user()]) if self.messages else ())
        return "\n\n".join(text for text in texts if text)

    @property
    def attachments(self) -> list[dict[str, Any]]:
        """The pictures, sounds and files of the last message of the user."""
        parts = _parts(self.messages[self._last_user()]) if self.messages else ()
        return [part for part in parts if _text(part) is None]

    @property
    def tool_results(self) -> list[str]:
        """What tools have answered since the user spoke last."""
        return [
            "".join(text for text in map(_text, _parts(message)) if text)
            for message in self.messages[self._last_user() :]
            if message.get("role") == "tool"
        ]

    def _last_user(self) -> int:
        """The position of the last message of the user, or of the last message at all."""
        turns = [i for i, message in enumerate(self.messages) if message.get("role") == "user"]
        return turns[-1] if turns else len(self.messages) - 1


def split_words(text: str) -> list[str]:
    """Split a text into words, each with the white space before it; joined they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def count_tokens(text: str) -> int:
    """Count tokens as the demo does: words, and long words more than once."""
    return sum(-(-len(word.encode(errors="replace")) // BYTES_PER_TOKEN) for word in text.split())


def _parts(message: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """The content as a list of parts, whichever way it was written."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _text(part: Mapping[str, Any]) -> str | None:
    """The text of a part; None for an attachment."""
    kind = part.get("type")
    if kind in ("text", "refusal"):
        return str(part.get(kind, ""))
    return None


def _calls(message: Mapping[str, Any]) -> bool:
    return bool(message.get("tool_calls"))


def find_field(error: msgspec.ValidationError) -> str | None:
    """Find the top-level field that a validation error names."""
    found = re.search(r"\$\.(\w+)|field `(\w+)`", str(error))
    return (found[1] or found[2]) if found else None
