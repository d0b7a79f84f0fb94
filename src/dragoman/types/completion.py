"""An answer, whole."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dragoman.types.event import FinishReason
from dragoman.types.message import Message, Meta, Part, Reasoning, Refusal, Text, ToolCall
from dragoman.types.usage import Usage

if TYPE_CHECKING:
    from dragoman.types.exchange import Attempt


class Completion(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a model answered. `exchange` says who answered, after what, and for how much.

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
    exchange: Any = None  # Exchange; Any keeps msgspec from decoding a record of ours from a body

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

    @property
    def provider(self) -> str | None:
        """The name of the provider that answered."""
        return self.exchange.provider if self.exchange else None

    @property
    def cost(self) -> Decimal | None:
        """What the exchange cost in USD, all attempts together; None where that is unknown."""
        return self.exchange.cost if self.exchange else None

    @property
    def cost_source(self) -> str:
        """Where the price came from: see `types.exchange.CostSource`."""
        return self.exchange.cost_source if self.exchange else "unknown"

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try, in order, the successful one last."""
        return tuple(self.exchange.attempts) if self.exchange else ()
