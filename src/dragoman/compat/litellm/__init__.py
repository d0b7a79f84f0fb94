"""LiteLLM's providers, without LiteLLM: change the import, keep the code.

    from dragoman.compat.litellm import BaseConfig          # was: litellm.llms.base_llm…

    class MyProviderChatConfig(BaseConfig):
        ...

    [providers.my_provider]
    adapter = "my_provider.py:MyProviderChatConfig"
    base_url = "https://api.my-provider.example/models"
    api_key_env = "MY_PROVIDER_KEY"

`docs/guides/litellm-adapters.md` has the whole of it. The calls (`completion` …) are loaded when
they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dragoman import __version__ as version
from dragoman.compat.litellm.base_config import (
    BaseConfig,
    BaseEmbeddingConfig,
    OpenAIGPTConfig,
    OpenAILikeChatConfig,
)
from dragoman.compat.litellm.client import (
    AsyncHTTPHandler,
    HTTPHandler,
    get_async_httpx_client,
    get_httpx_client,
)
from dragoman.compat.litellm.custom_llm import CustomLLM
from dragoman.compat.litellm.exceptions import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    BaseLLMException,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    CustomLLMError,
    InternalServerError,
    JSONSchemaValidationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    Timeout,
    UnprocessableEntityError,
    UnsupportedParamsError,
)
from dragoman.compat.litellm.http_answer import HTTPStatusError
from dragoman.compat.litellm.shapes import (
    ChatCompletionDeltaToolCall,
    ChatCompletionMessageToolCall,
    ChatCompletionToolCallChunk,
    ChatCompletionToolCallFunctionChunk,
    ChatCompletionUsageBlock,
    Choices,
    Delta,
    Embedding,
    EmbeddingResponse,
    Function,
    FunctionCall,
    GenericStreamingChunk,
    Message,
    ModelResponse,
    ModelResponseStream,
    StreamingChoices,
    Usage,
    map_finish_reason,
)
from dragoman.compat.litellm.streaming import (
    BaseModelResponseIterator,
    CustomStreamWrapper,
    FakeStreamResponseIterator,
    MockResponseIterator,
)
from dragoman.compat.litellm.surroundings import (
    get_secret,
    get_secret_str,
    print_verbose,
    track_llm_api_timing,
    verbose_logger,
)
from dragoman.endpoint import encode_segment as encode_url_path_segment

if TYPE_CHECKING:
    from dragoman.compat.litellm.calls import acompletion as acompletion
    from dragoman.compat.litellm.calls import aembedding as aembedding
    from dragoman.compat.litellm.calls import completion as completion
    from dragoman.compat.litellm.calls import embedding as embedding

AllMessageValues = dict[str, Any]
LiteLLMLoggingObj = Any
GChunk = GenericStreamingChunk

custom_provider_map: list[Mapping[str, Any]] = []
"""Providers that are code: `{"provider": name, "custom_handler": object}`. Read by `completion`."""

_CALLS = ("acompletion", "aembedding", "completion", "embedding")

__all__ = [
    "APIConnectionError",
    "APIError",
    "AllMessageValues",
    "AsyncHTTPHandler",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "BaseConfig",
    "BaseEmbeddingConfig",
    "BaseLLMException",
    "BaseModelResponseIterator",
    "ChatCompletionDeltaToolCall",
    "ChatCompletionMessageToolCall",
    "ChatCompletionToolCallChunk",
    "ChatCompletionToolCallFunctionChunk",
    "ChatCompletionUsageBlock",
    "Choices",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "CustomLLM",
    "CustomLLMError",
    "CustomStreamWrapper",
    "Delta",
    "Embedding",
    "EmbeddingResponse",
    "FakeStreamResponseIterator",
    "Function",
    "FunctionCall",
    "GChunk",
    "GenericStreamingChunk",
    "HTTPHandler",
    "HTTPStatusError",
    "InternalServerError",
    "JSONSchemaValidationError",
    "LiteLLMLoggingObj",
    "Message",
    "MockResponseIterator",
    "ModelResponse",
    "ModelResponseStream",
    "NotFoundError",
    "OpenAIGPTConfig",
    "OpenAILikeChatConfig",
    "PermissionDeniedError",
    "RateLimitError",
    "ServiceUnavailableError",
    "StreamingChoices",
    "Timeout",
    "UnprocessableEntityError",
    "UnsupportedParamsError",
    "Usage",
    "acompletion",
    "aembedding",
    "completion",
    "custom_provider_map",
    "embedding",
    "encode_url_path_segment",
    "get_async_httpx_client",
    "get_httpx_client",
    "get_secret",
    "get_secret_str",
    "map_finish_reason",
    "print_verbose",
    "track_llm_api_timing",
    "verbose_logger",
    "version",
]


def __getattr__(name: str) -> Any:
    """Fetch a call (PEP 562): the client is loaded by nobody who only brings an adapter."""
    if name in _CALLS:
        return getattr(import_module("dragoman.compat.litellm.calls"), name)
    raise AttributeError(f"module 'dragoman.compat.litellm' has no attribute {name!r}")
