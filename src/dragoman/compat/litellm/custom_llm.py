"""`CustomLLM`: a provider that is code, not a server. It answers by itself, in a thread.

Source: https://docs.litellm.ai/docs/providers/custom_llm_server (read 2026-11); BerriAI/litellm,
litellm/llms/custom_llm.py (read 2026-11, release 1.106)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from dragoman.compat.litellm.exceptions import CustomLLMError

if TYPE_CHECKING:
    from dragoman.adapters.adapter import Adapter

NOT_IMPLEMENTED = 501


class CustomLLM:
    """Override what it can: `completion`, `streaming`, `embedding`, or their asynchronous twins.

    Of twins one is enough. Without a stream, a streaming caller gets the whole answer in one piece.

    Example:
        class Echo(CustomLLM):
            def completion(self, messages, model_response, **rest):
                model_response.choices[0].message.content = messages[-1]["content"]
                return model_response
    """

    @staticmethod
    def __dragoman_adapter__(found: Any) -> type[Adapter]:
        """Make an adapter of a class, or of an object of it."""
        from dragoman.compat.litellm.handler_adapter import adapt_handler

        return adapt_handler(found)

    def completion(self, *_: Any, **__: Any) -> Any:
        """Give a `ModelResponse`."""
        raise _missing("completion")

    def streaming(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Yield chunks."""
        raise _missing("streaming")

    async def acompletion(self, *_: Any, **__: Any) -> Any:
        """Give a `ModelResponse`."""
        raise _missing("acompletion")

    def astreaming(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        """Yield chunks."""
        raise _missing("astreaming")

    def embedding(self, *_: Any, **__: Any) -> Any:
        """Give an `EmbeddingResponse`."""
        raise _missing("embedding")

    async def aembedding(self, *_: Any, **__: Any) -> Any:
        """Give an `EmbeddingResponse`."""
        raise _missing("aembedding")


def _missing(name: str) -> CustomLLMError:
    return CustomLLMError(status_code=NOT_IMPLEMENTED, message=f"it has no {name}")
