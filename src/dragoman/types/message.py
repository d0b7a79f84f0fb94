"""Messages: who speaks, and the parts that they say.

A message is a role and a tuple of parts. What only one wire format can read back (signatures,
cache marks, item ids) rides in a part's `meta` under that format's name, is replayed to the same
format, and is never sent to another. An API's object that holds several parts (an item with an id
and contents) repeats its fields in the `meta` of each: neighbours with the same id belong together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
MediaKind: TypeAlias = Literal["image", "audio", "video", "file"]

Meta: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Wire format name → fields that only this format can read back."""


class Citation(Struct, frozen=True, omit_defaults=True):
    """A page on which words of a text rest: `text[start:end]`, counted in characters."""

    url: str
    title: str | None = None
    start: int = 0
    end: int = 0
    meta: Meta | None = None


class Text(Struct, frozen=True, tag="text", omit_defaults=True):
    """Plain text.

    `citations` are those that several formats can say; what one says beyond them is in `meta`.
    `logprobs` are of the text's tokens, one object each: `token`, `logprob`, `bytes`,
    `top_logprobs`.
    """

    text: str
    meta: Meta | None = None
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()


class Refusal(Struct, frozen=True, tag="refusal", omit_defaults=True):
    """The model declines to answer, in its own words."""

    text: str
    meta: Meta | None = None


class Reasoning(Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """What the model thought before it spoke: in full, as a summary, or withheld.

    `text` is empty when the provider withholds it (redacted or encrypted); what must be echoed in
    the next turn (signature, encrypted content) is in `meta`. A summary in several sections is one
    part, the sections joined by an empty line. `signer` is the provider and the family of models
    whose signature `meta` holds, where that is known: it goes back to no other.
    """

    text: str
    meta: Meta | None = None
    signer: str | None = None


class Media(Struct, frozen=True, tag="media", omit_defaults=True, kw_only=True):
    """An image, a sound, a film or a file; exactly one of `data`, `url` and `file_id` is set.

    `data` is base64 text without line breaks and without a `data:` prefix; `media_type` is then
    set. `url` is http(s). `file_id` names an upload at the provider and means nothing elsewhere.
    """

    kind: MediaKind
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    detail: str | None = None
    meta: Meta | None = None


class ToolCall(Struct, frozen=True, tag="tool_call", omit_defaults=True):
    """The model asks for a function to be called.

    `arguments` is JSON text, verbatim: a parsed dict would lose number formats and cannot stream.
    It may be invalid JSON when the model wrote nonsense; no arguments at all is `"{}"`.
    """

    id: str
    name: str
    arguments: str = ""
    meta: Meta | None = None


class ToolResult(Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What a function answered, for the call with the same id."""

    call_id: str
    parts: tuple[Part, ...] = ()
    is_error: bool = False
    name: str | None = None
    meta: Meta | None = None


class Unknown(Struct, frozen=True, tag="unknown", omit_defaults=True):
    """A block that we do not model: JSON text, replayed to `format`, reported elsewhere."""

    format: str
    raw: str


Part: TypeAlias = Text | Refusal | Reasoning | Media | ToolCall | ToolResult | Unknown
PartKind: TypeAlias = Literal[
    "text", "refusal", "reasoning", "media", "tool_call", "tool_result", "unknown"
]


class Message(Struct, frozen=True, omit_defaults=True):
    """One turn. Tool results have the role `tool`, one or several in a message.

    Example:
        Message("user", (Text("What is in this picture?"), Media(kind="image", url=url)))
    """

    role: Role
    parts: tuple[Part, ...] = field(default=())
    name: str | None = None
    meta: Meta | None = None

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def system(text: str) -> Message:
    """Make a system message."""
    return Message("system", (Text(text),))


def user(*parts: Part | str) -> Message:
    """Make a user message; strings become text parts."""
    return Message("user", _parts(parts))


def assistant(*parts: Part | str) -> Message:
    """Make an assistant message; strings become text parts."""
    return Message("assistant", _parts(parts))


def tool_result(call_id: str, *parts: Part | str, is_error: bool = False) -> Message:
    """Make the message that answers the tool call `call_id`; strings become text parts."""
    return Message("tool", (ToolResult(call_id, _parts(parts), is_error=is_error),))


def _parts(parts: tuple[Part | str, ...]) -> tuple[Part, ...]:
    return tuple(Text(part) if isinstance(part, str) else part for part in parts)
