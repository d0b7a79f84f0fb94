"""An answer's content, written for a client block by block, and how it ended."""

from __future__ import annotations

from typing import Any

from dragoman.types.event import FinishReason
from dragoman.types.message import Part, Reasoning, Refusal, Text, ToolCall, Unknown
from dragoman.wire.anthropic_messages.content import (
    Warn,
    render_call,
    render_own_reasoning,
    render_unknown,
)
from dragoman.wire.anthropic_messages.schema import NAME, Block, is_beside, own, stop_reason
from dragoman.wire.beside import describe, doubtful_ending, foreign_beside
from dragoman.wire.ids import safe_id
from dragoman.wire.seal import seal


class AnswerWriter:
    """Writes the blocks of one answer for a client, and how it ended.

    What a provider of another format wants back is sealed into the signature of its reasoning.
    """

    def __init__(self) -> None:
        self._refusals: list[str] = []

    def block(self, part: Part, warn: Warn) -> Any:
        """Write one part; None when nothing of it stands in the content."""
        if isinstance(part, Text):
            return self._text(part, warn)
        if isinstance(part, Reasoning):
            return render_own_reasoning(part) or sealed_reasoning(part)
        if isinstance(part, ToolCall):
            return render_call(part, safe_id(part.id, "toolu_"), warn)
        if isinstance(part, Refusal):
            return self.refuse(part)
        block = render_unknown(part) if isinstance(part, Unknown) else None
        if block is None:
            warn(f"{describe(part)} cannot be said in Anthropic Messages: left out")
        return block

    def refuse(self, part: Refusal) -> Block | None:
        """Note a refusal; it is content only when the provider wrote it as such."""
        self._refusals.append(part.text)
        return None if is_beside(part) or not part.text else {"type": "text", "text": part.text}

    def ending(
        self,
        reason: FinishReason,
        raw: str | None,
        stop_sequence: str | None,
        details: Any,
        warn: Warn,
    ) -> dict[str, Any]:
        """Say how the answer ended; `details` is what a provider of this format said about it.

        A refusal never becomes a mere end.
        """
        if reason == "stop" and self._refusals:
            reason = "refusal"
        word = stop_reason(reason, raw, stop_sequence)
        if reason == "other":
            for sentence in doubtful_ending(reason, raw, stop_sequence, word or ""):
                warn(sentence)
        return {
            "stop_reason": word,
            "stop_sequence": stop_sequence if word == "stop_sequence" else None,
            "stop_details": details if word != "refusal" else details or self._refusal(),
        }

    def _refusal(self) -> dict[str, Any]:
        explanation = "".join(self._refusals) or None
        return {"type": "refusal", "category": None, "explanation": explanation}

    @staticmethod
    def _text(part: Text, warn: Warn) -> Block | None:
        warn_of_foreign(part, warn)
        fields = own(part.meta)
        return {"type": "text", "text": part.text, **fields} if part.text or fields else None


def warn_of_foreign(part: Text, warn: Warn) -> None:
    """Report what another format said beside a text."""
    for sentence in foreign_beside(part.meta, NAME):
        warn(sentence)
    if part.citations and not own(part.meta).get("citations"):
        warn("citations of pages are left out: this API knows those of its own search alone")
    if part.logprobs:
        warn("log probabilities are left out: this API has none")


def sealed_reasoning(part: Reasoning) -> Block | None:
    """Write another format's reasoning, so that a client can carry it and we know it again.

    Returns: None when there is nothing to carry.
    """
    if part.text:
        return {"type": "thinking", "thinking": part.text, "signature": seal(part)}
    return {"type": "redacted_thinking", "data": seal(part)} if part.meta else None
