"""An answer, whole."""

from __future__ import annotations

from msgspec import Struct

from dragoman.types.event import FinishReason
from dragoman.types.message import Message, Meta, Part, Reasoning, Refusal, Text, ToolCall
from dragoman.types.usage import Usage


class Completion(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a model answered.

    `model` is what the provider says that it ran; `created` is Unix seconds; `warnings` tells what
    could not be said in the provider's language, or looked wrong, a sentence each. `meta` holds the
    answer's own fields that no part carries (service tier, container, fingerprint).
    """

    parts: tuple[Part, ...]
    finish_reason: FinishReason
    raw_finish_reason: str | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    id: str | None = None
    model: str | None = None
    created: int | None = None
    warnings: tuple[str, ...] = ()
    meta: Meta | None = None

    @property
    def text(self) -> str:
        """The answer's text, without reasoning and refusals."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """What the model let us see of its thinking."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str | None:
        """The model's words of refusal, or None."""
        words = [part.text for part in self.parts if isinstance(part, Refusal)]
        return "".join(words) if words else None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the model asks for, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def message(self) -> Message:
        """The answer as a message, to be appended to the history."""
        return Message("assistant", self.parts)
