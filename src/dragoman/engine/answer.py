"""What a caller gets: a completion, and the exchange that it came by."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.types.completion import Completion
from dragoman.types.embedding import Embeddings
from dragoman.types.exchange import Attempt, CostSource, Exchange
from dragoman.wire import get_format


class _Recorded:
    """What knows who answered, after what, and for how much: it has an `exchange`."""

    __slots__ = ()

    if TYPE_CHECKING:  # a Struct has its fields from Structs alone

        @property
        def exchange(self) -> Exchange: ...

    @property
    def provider(self) -> str | None:
        """The name of the provider that answered."""
        return self.exchange.provider

    @property
    def cost(self) -> Decimal | None:
        """What the exchange cost in USD, all attempts together; None where that is unknown."""
        return self.exchange.cost

    @property
    def cost_source(self) -> CostSource:
        """Where the price came from."""
        return self.exchange.cost_source

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try, in order."""
        return tuple(self.exchange.attempts)


class EmbeddingAnswer(Embeddings, _Recorded, frozen=True, omit_defaults=True, kw_only=True):
    """Vectors, and the exchange that they came by.

    Example:
        vector, other = client.embed("ollama/nomic-embed-text", ["one", "two"]).vectors
    """

    exchange: Exchange


class Answer(Completion, _Recorded, frozen=True, omit_defaults=True, kw_only=True):
    """A completion that knows who answered, after what, and for how much.

    Example:
        answer = client.chat(["ollama/llama3.2", "groq"], "Hello")
        print(answer.text, answer.provider, answer.cost, len(answer.attempts))
    """

    exchange: Exchange

    def to_openai(self) -> dict[str, Any]:
        """The answer as a `chat.completion` object of OpenAI's API."""
        return self._rendered("openai-completions")

    def to_responses(self) -> dict[str, Any]:
        """The answer as a `response` object of OpenAI's Responses API."""
        return self._rendered("openai-responses")

    def to_anthropic(self) -> dict[str, Any]:
        """The answer as a `message` object of Anthropic's API."""
        return self._rendered("anthropic-messages")

    def _rendered(self, name: str) -> dict[str, Any]:
        complete = msgspec.structs.replace(
            self,
            id=self.id or self.exchange.id,
            model=self.model or self.exchange.model,
            created=self.created or int(self.exchange.started_at),
        )
        body = get_format(name).render_response(complete).body
        rendered: dict[str, Any] = msgspec.json.decode(body)
        return rendered


def sign(completion: Completion, exchange: Exchange) -> Answer:
    """Make the caller's answer of a completion. All warnings end up in both."""
    known = exchange.warnings
    known.extend(warning for warning in completion.warnings if warning not in known)
    return Answer(
        parts=completion.parts,
        finish_reason=completion.finish_reason,
        raw_finish_reason=completion.raw_finish_reason,
        stop_sequence=completion.stop_sequence,
        usage=completion.usage,
        id=completion.id,
        model=completion.model,
        created=completion.created,
        warnings=tuple(known),
        meta=completion.meta,
        exchange=exchange,
    )


def sign_embeddings(found: Embeddings, exchange: Exchange) -> EmbeddingAnswer:
    """Make the caller's answer of vectors."""
    return EmbeddingAnswer(
        vectors=found.vectors, model=found.model, usage=found.usage, exchange=exchange
    )
