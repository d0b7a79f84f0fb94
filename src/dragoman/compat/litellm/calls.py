"""`completion` and its siblings: LiteLLM's calls, answered by Dragoman's engine.

Models are those of the configuration, and of `custom_provider_map`. What is raised is one of
Dragoman's errors under LiteLLM's name.

Source: https://docs.litellm.ai/docs/completion/input (read 2026-11)
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import structs

from dragoman.adapters.find import as_adapter, register
from dragoman.client import AsyncClient, Client
from dragoman.compat.litellm.exceptions import BadRequestError, under_their_names
from dragoman.compat.litellm.shapes import EmbeddingResponse, ModelResponse, ModelResponseStream
from dragoman.config import Config, load
from dragoman.engine.answer import Answer, EmbeddingAnswer, sign
from dragoman.engine.call import Call, CallOptions
from dragoman.engine.dialogue import InProcess
from dragoman.engine.drive import arun, run
from dragoman.engine.flow import complete
from dragoman.engine.start import begin
from dragoman.errors import DragomanError
from dragoman.stream import AsyncStream, Stream
from dragoman.types.credential import Secret
from dragoman.types.provider import Api
from dragoman.types.request import ChatRequest
from dragoman.wire import get_format
from dragoman.wire.json_text import encode

LANGUAGE: Api = "openai-completions"

_LITELLM_ONLY = frozenset(
    {
        "api_version", "caching", "custom_llm_provider", "drop_params", "litellm_call_id",
        "logger_fn", "mock_response", "model_info", "num_retries", "max_retries", "verbose",
    }
)  # fmt: skip
"""What concerns LiteLLM itself: there is nothing to send."""

_adapted: dict[str, Any] = {}
"""The handlers of `custom_provider_map` that are known already, by provider."""


def completion(model: str, messages: Any, **params: Any) -> Any:
    """Get a `ModelResponse`; with `stream=True`, an iterator of `ModelResponseStream`.

    `api_key`, `api_base`, `timeout` (seconds), `fallbacks`, `extra_headers`, `extra_body`, and what
    OpenAI's API has. Raises: see `exceptions`.
    """
    if params.get("mock_response") is not None:
        return _mocked(model, params)
    with _named():
        caller = _Caller(_config(model, params))
        call = caller.begin(model, messages, params)
    if params.get("stream"):
        return CompletionStream(caller, call, _wants_usage(params))
    with _named(), caller:
        return _whole(caller.ask(call))


async def acompletion(model: str, messages: Any, **params: Any) -> Any:
    """`completion`, awaited; with `stream=True` it gives an asynchronous iterator."""
    if params.get("mock_response") is not None:
        found = _mocked(model, params)
        return _later(found) if params.get("stream") else found
    with _named():
        caller = _AsyncCaller(_config(model, params))
        call = caller.begin(model, messages, params)
    if params.get("stream"):
        stream = AsyncCompletionStream(caller, call, _wants_usage(params))
        await stream.open()
        return stream
    with _named():
        async with caller:
            return _whole(await caller.ask(call))


def embedding(model: str, input: Any, **params: Any) -> EmbeddingResponse:  # noqa: A002
    """Get the vectors of texts. Raises: as `completion`."""
    with _named(), Client(_config(model, params)) as client:
        return _vectors(client.embed(model, input, **_embedding_params(params)))


async def aembedding(model: str, input: Any, **params: Any) -> EmbeddingResponse:  # noqa: A002
    """`embedding`, awaited."""
    with _named():
        async with AsyncClient(_config(model, params)) as client:
            return _vectors(await client.embed(model, input, **_embedding_params(params)))


class CompletionStream:
    """The chunks of an answer, as they come. Leave its `with` block, or `close`, to stop.

    The one that says usage and nothing else comes when `stream_options` ask for it.
    """

    def __init__(self, caller: _Caller, call: Call, usage: bool) -> None:
        self._chunks = self._run(caller, call, usage)
        self._first = next(self._chunks, None)

    def __iter__(self) -> Iterator[ModelResponseStream]:
        return self

    def __next__(self) -> ModelResponseStream:
        first, self._first = self._first, None
        return next(self._chunks) if first is None else first

    def close(self) -> None:
        """Stop."""
        self._chunks.close()

    def __enter__(self) -> CompletionStream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @staticmethod
    def _run(
        caller: _Caller, call: Call, usage: bool
    ) -> Generator[ModelResponseStream, None, None]:
        with _named(), caller, caller.open(call) as stream:
            for chunk in stream.to_openai():
                if chunk["choices"] or usage:
                    yield ModelResponseStream(**chunk)


class AsyncCompletionStream:
    """The same, awaited."""

    def __init__(self, caller: _AsyncCaller, call: Call, usage: bool) -> None:
        self._chunks = self._run(caller, call, usage)
        self._first: ModelResponseStream | None = None

    async def open(self) -> None:
        """Wait for the first chunk."""
        self._first = await anext(self._chunks, None)

    def __aiter__(self) -> AsyncIterator[ModelResponseStream]:
        return self

    async def __anext__(self) -> ModelResponseStream:
        first, self._first = self._first, None
        return await anext(self._chunks) if first is None else first

    async def aclose(self) -> None:
        """Stop."""
        await self._chunks.aclose()

    @staticmethod
    async def _run(
        caller: _AsyncCaller, call: Call, usage: bool
    ) -> AsyncGenerator[ModelResponseStream, None]:
        with _named():
            async with caller, caller.open(call) as stream:
                async for chunk in stream.to_openai():
                    if chunk["choices"] or usage:
                        yield ModelResponseStream(**chunk)


class _Caller(Client):
    """A client that is asked as OpenAI's API is."""

    def begin(self, model: str, messages: Any, params: Mapping[str, Any]) -> Call:
        return _begin(self, model, messages, params)

    def ask(self, call: Call) -> Answer:
        return sign(run(complete(call), self._transport).out, call.exchange)

    def open(self, call: Call) -> Stream:
        return Stream(call, self._transport)


class _AsyncCaller(AsyncClient):
    """The same, awaited."""

    def begin(self, model: str, messages: Any, params: Mapping[str, Any]) -> Call:
        return _begin(self, model, messages, params)

    async def ask(self, call: Call) -> Answer:
        return sign((await arun(complete(call), self._transport)).out, call.exchange)

    def open(self, call: Call) -> AsyncStream:
        return AsyncStream(call, self._transport)


def _begin(
    client: Client | AsyncClient, model: str, messages: Any, params: Mapping[str, Any]
) -> Call:
    """Open a call. Raises: DragomanError."""
    refs: tuple[str, ...] = (model, *(params.get("fallbacks") or ()))
    registry = client.registry
    if (base_url := _base_url(params)) and _provider_of(model) not in client.config.providers:
        registry, found = registry.with_endpoint(base_url, LANGUAGE, model)
        refs = (found,) if isinstance(found, str) else tuple(found or ())
    request = _request(model, messages, params)
    options = _options(params)
    around = client._around
    return begin(registry, around, InProcess(request), refs, options, stream=request.stream)


def _request(model: str, messages: Any, params: Mapping[str, Any]) -> ChatRequest:
    """Read what OpenAI's API would be sent. Raises: InvalidRequest."""
    body = {
        name: value
        for name, value in params.items()
        if name not in _LITELLM_ONLY | _OPTIONS and value is not None
    }
    body |= {"model": model, "messages": messages, **(params.get("extra_body") or {})}
    shape = body.get("response_format")
    if callable(told := getattr(shape, "model_json_schema", None)):
        schema = {"name": getattr(shape, "__name__", "answer"), "schema": told(), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    try:
        data = encode(body)
    except (TypeError, ValueError) as error:
        raise BadRequestError(f"the parameters are no JSON: {error}") from None
    return get_format(LANGUAGE).parse_request(data)


_OPTIONS = frozenset(
    {
        "api_key", "api_base", "base_url", "timeout", "request_timeout", "fallbacks",
        "extra_headers", "headers", "extra_body",
    }
)  # fmt: skip


def _options(params: Mapping[str, Any]) -> CallOptions:
    key = params.get("api_key")
    timeout = params.get("timeout") or params.get("request_timeout")
    retries = params.get("num_retries", params.get("max_retries"))
    headers = {**(params.get("headers") or {}), **(params.get("extra_headers") or {})}
    return CallOptions(
        api_key=Secret(key) if isinstance(key, str) else None,
        total=float(timeout) if isinstance(timeout, int | float) else None,
        retries=retries if isinstance(retries, int) else None,
        headers={str(name).lower(): str(value) for name, value in headers.items()},
        language=LANGUAGE if headers else None,
    )


def _embedding_params(params: Mapping[str, Any]) -> dict[str, Any]:
    known = {n: params[n] for n in ("dimensions", "api_key") if params.get(n) is not None}
    if timeout := params.get("timeout"):
        known["total"] = float(timeout)
    skipped = _LITELLM_ONLY | _OPTIONS | {"dimensions"}
    body = {n: v for n, v in params.items() if n not in skipped and v is not None}
    return {**known, "body": body} if body else known


# -- where models are known from


def _config(model: str, params: Mapping[str, Any]) -> Config:
    """Load the configuration, with `custom_provider_map` and the call's own base URL."""
    _register()
    config = load()
    name, base_url = _provider_of(model), _base_url(params)
    provider = config.providers.get(name)
    if base_url and provider is not None:
        there = structs.replace(provider, base_url=base_url, problems=())
        config = structs.replace(config, providers={**config.providers, name: there})
    return config


def _register() -> None:
    """Make adapters of what stands in `custom_provider_map` now."""
    package = sys.modules["dragoman.compat.litellm"]
    for entry in getattr(package, "custom_provider_map", ()):
        name, handler = entry["provider"], entry["custom_handler"]
        if _adapted.get(name) is not handler:
            kind = handler if isinstance(handler, type) else type(handler)
            if getattr(kind, "__dragoman_adapter__", None) is None:
                raise BadRequestError(f"{kind.__name__} is neither a CustomLLM nor a BaseConfig")
            register(name)(as_adapter(handler, name))
            _adapted[name] = handler


def _provider_of(model: str) -> str:
    return model.partition("/")[0]


def _base_url(params: Mapping[str, Any]) -> str | None:
    return params.get("api_base") or params.get("base_url")


def _wants_usage(params: Mapping[str, Any]) -> bool:
    return bool((params.get("stream_options") or {}).get("include_usage"))


# -- what is given back


def _whole(answer: Answer) -> ModelResponse:
    """Make the object; tokens that nobody reported are those that the record guesses."""
    guessed = answer.attempts[-1].usage if answer.attempts else None
    return ModelResponse(**structs.replace(answer, usage=answer.usage or guessed).to_openai())


def _vectors(answer: EmbeddingAnswer) -> EmbeddingResponse:
    usage = answer.usage
    tokens = {"prompt_tokens": usage.prompt_tokens or 0} if usage else None
    data = [
        {"embedding": list(vector), "index": number, "object": "embedding"}
        for number, vector in enumerate(answer.vectors)
    ]
    return EmbeddingResponse(model=answer.model or answer.exchange.model, usage=tokens, data=data)


def _mocked(model: str, params: Mapping[str, Any]) -> Any:
    """Give the answer that the caller brings along, as LiteLLM does: no provider is asked."""
    said = params["mock_response"]
    if isinstance(said, BaseException):
        raise said
    if not params.get("stream"):
        message = {"content": str(said)}
        return ModelResponse(model=model, choices=[{"message": message, "finish_reason": "stop"}])
    pieces = [{"delta": {"content": str(said)}}, {"delta": {}, "finish_reason": "stop"}]
    return (ModelResponseStream(model=model, choices=[piece]) for piece in pieces)


async def _later(chunks: Iterator[Any]) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except DragomanError as error:
        raise under_their_names(error) from error
