"""`Client` and `AsyncClient`: any configured provider, in Python.

Both say the same things; one waits, the other is awaited. All thinking is in generators that do
no I/O (`engine.flow`, `tools.tool_loop`, `structured.ladder`); here they are driven.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from inspect import isawaitable
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeAlias, TypeVar, Unpack

from dragoman.config import Config, load
from dragoman.config.learned import DialectFolder
from dragoman.config.secrets import Secrets
from dragoman.conversation import Messages
from dragoman.engine.answer import Answer, EmbeddingAnswer, sign, sign_embeddings
from dragoman.engine.call import Call, Surroundings
from dragoman.engine.dialogue import Dialogue, InProcess
from dragoman.engine.drive import arun, run
from dragoman.engine.embedding import Embedding
from dragoman.engine.flow import complete
from dragoman.engine.learning import Learning
from dragoman.engine.outgoing import Outgoing, prepare
from dragoman.engine.start import begin
from dragoman.params import ModelRefs, Params, build_options, build_request, check_names
from dragoman.registry import Discovered, Registry
from dragoman.stream import AsyncStream, Stream
from dragoman.structured import Parsed, Via, ladder, shape_of
from dragoman.tools import Invoke, ToolRun, tool_loop
from dragoman.transport.base import AsyncTransport, Transport
from dragoman.transport.default import AsyncDefaultTransport, DefaultTransport
from dragoman.types.request import ChatRequest

T = TypeVar("T")

Refs: TypeAlias = str | tuple[str, ...] | None

NOTHING: Discovered = MappingProxyType({})

Steps: TypeAlias = Generator[ChatRequest | Invoke, Any, T]
"""Thinking that takes several answers: yields requests and functions to call."""


class _Core:
    """What both clients share: the configuration, the registry, and the memory of providers."""

    def __init__(
        self, config: Config | None, around: Surroundings | None, discovered: Discovered
    ) -> None:
        self.config = config if config is not None else load()
        self.registry = Registry(self.config, discovered=discovered)
        self._around = around or Surroundings(
            secrets=Secrets(os.environ), learning=Learning(DialectFolder(os.environ))
        )

    def preview(
        self,
        model: ModelRefs,
        messages: Messages,
        *,
        stream: bool = False,
        **params: Unpack[Params],
    ) -> Outgoing:
        """Prepare what the first deployment would be sent, and send nothing.

        Raises: DragomanError.
        """
        call = self._call(model, messages, params, stream=stream)
        return prepare(call, call.deployments[0], stream=stream)

    def _call(
        self, model: ModelRefs, messages: Messages, params: Params, *, stream: bool = False
    ) -> Call:
        return self._begin(*_read(model, messages, params, stream=stream), params)

    def _begin(self, refs: Refs, request: ChatRequest, params: Params) -> Call:
        return self._open(refs, InProcess(request), params, stream=request.stream)

    def _embed_call(
        self,
        model: ModelRefs,
        texts: str | Sequence[str],
        dimensions: int | None,
        params: Params,
    ) -> Call:
        check_names(params)
        every = (texts,) if isinstance(texts, str) else tuple(texts)
        dialogue = Embedding(every, dimensions, params.get("body", {}))
        return self._open(_refs(model), dialogue, params)

    def _open(
        self, refs: Refs, dialogue: Dialogue, params: Params, *, stream: bool = False
    ) -> Call:
        registry = self.registry
        if base_url := params.get("base_url"):
            api = params.get("api", "openai-completions")
            registry, found = registry.with_endpoint(base_url, api, refs)
            refs = found if isinstance(found, str) or found is None else tuple(found)
        options = build_options(params)
        return begin(registry, self._around, dialogue, refs, options, stream=stream)

    def _tool_steps(
        self,
        model: ModelRefs,
        messages: Messages,
        max_turns: int,
        params: Params,
    ) -> tuple[Refs, Steps[ToolRun]]:
        refs, request = _read(model, messages, params)
        functions = [tool for tool in params.get("tools", ()) if callable(tool)]
        return refs, tool_loop(request, functions, max_turns)

    def _parse_steps(
        self,
        kind: type[T] | Mapping[str, Any],
        model: ModelRefs,
        messages: Messages,
        first: Via,
        params: Params,
    ) -> tuple[Refs, Steps[Parsed[T]]]:
        refs, request = _read(model, messages, params)
        return refs, ladder(request, shape_of(kind), first)


def _read(
    model: ModelRefs, messages: Messages, params: Params, *, stream: bool = False
) -> tuple[Refs, ChatRequest]:
    refs = _refs(model)
    name = refs if isinstance(refs, str) else ",".join(refs or ())
    return refs, build_request(name, messages, params, stream=stream)


def _refs(model: ModelRefs) -> Refs:
    return model if isinstance(model, str) or model is None else tuple(model)


class Client(_Core):
    """Answers from any provider, waited for. Safe to share between threads; close it when done.

    Without `config` it reads the same files as the command line. `discovered` is what providers
    have told of their models.

    Example:
        with Client() as client:
            print(client.chat("demo/echo", "Hello").text)
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        transport: Transport | None = None,
        surroundings: Surroundings | None = None,
        discovered: Discovered = NOTHING,
    ) -> None:
        super().__init__(config, surroundings, discovered)
        self._transport = transport or DefaultTransport()

    def chat(self, model: ModelRefs, messages: Messages, **params: Unpack[Params]) -> Answer:
        """Get a whole answer. `params`: see `dragoman.params.Params`.

        Raises: DragomanError: see `dragoman.errors`.
        """
        return self._answer(self._call(model, messages, params))

    def stream(self, model: ModelRefs, messages: Messages, **params: Unpack[Params]) -> Stream:
        """Get an answer as it is made. Raises: as `chat`, mostly from the iteration."""
        return Stream(self._call(model, messages, params, stream=True), self._transport)

    def embed(
        self,
        model: ModelRefs,
        texts: str | Sequence[str],
        *,
        dimensions: int | None = None,
        **params: Unpack[Params],
    ) -> EmbeddingAnswer:
        """Get the vectors of texts, one each. Raises: as `chat`."""
        call = self._embed_call(model, texts, dimensions, params)
        return sign_embeddings(run(complete(call), self._transport).out, call.exchange)

    def run_tools(
        self,
        model: ModelRefs,
        messages: Messages,
        *,
        max_turns: int = 10,
        **params: Unpack[Params],
    ) -> ToolRun:
        """Let the model call the functions among `tools` until it answers.

        See `dragoman.tools`. Raises: as `chat`.
        """
        return self._perform(*self._tool_steps(model, messages, max_turns, params), params)

    def parse(
        self,
        kind: type[T] | Mapping[str, Any],
        model: ModelRefs,
        messages: Messages,
        *,
        first: Via = "native",
        **params: Unpack[Params],
    ) -> Parsed[T]:
        """Get a value of a type: a msgspec Struct, dataclass, pydantic model, or a JSON Schema.

        `first` is the rung of the ladder to begin on (see `dragoman.structured`).

        Raises: SchemaMismatch, and as `chat`.
        """
        return self._perform(*self._parse_steps(kind, model, messages, first, params), params)

    def _answer(self, call: Call) -> Answer:
        return sign(run(complete(call), self._transport).out, call.exchange)

    def _perform(self, refs: Refs, steps: Steps[T], params: Params) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    value = self._do(step, refs, params)
                except Exception as error:  # the steps decide what an error means
                    step = steps.throw(error)
                else:
                    step = steps.send(value)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def _do(self, step: ChatRequest | Invoke, refs: Refs, params: Params) -> Any:
        if isinstance(step, Invoke):
            return step.function(**step.arguments)
        return self._answer(self._begin(refs, step, params))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(_Core):
    """`Client`, awaited. It belongs to the event loop that it is first used in.

    Example:
        async with AsyncClient() as client:
            print((await client.chat("demo/echo", "Hello")).text)
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        transport: AsyncTransport | None = None,
        surroundings: Surroundings | None = None,
        discovered: Discovered = NOTHING,
    ) -> None:
        super().__init__(config, surroundings, discovered)
        self._transport = transport or AsyncDefaultTransport()

    async def chat(self, model: ModelRefs, messages: Messages, **params: Unpack[Params]) -> Answer:
        """See `Client.chat`."""
        return await self._answer(self._call(model, messages, params))

    def stream(self, model: ModelRefs, messages: Messages, **params: Unpack[Params]) -> AsyncStream:
        """See `Client.stream`."""
        return AsyncStream(self._call(model, messages, params, stream=True), self._transport)

    async def embed(
        self,
        model: ModelRefs,
        texts: str | Sequence[str],
        *,
        dimensions: int | None = None,
        **params: Unpack[Params],
    ) -> EmbeddingAnswer:
        """See `Client.embed`."""
        call = self._embed_call(model, texts, dimensions, params)
        return sign_embeddings((await arun(complete(call), self._transport)).out, call.exchange)

    async def run_tools(
        self,
        model: ModelRefs,
        messages: Messages,
        *,
        max_turns: int = 10,
        **params: Unpack[Params],
    ) -> ToolRun:
        """See `Client.run_tools`; functions may be coroutines."""
        return await self._perform(*self._tool_steps(model, messages, max_turns, params), params)

    async def parse(
        self,
        kind: type[T] | Mapping[str, Any],
        model: ModelRefs,
        messages: Messages,
        *,
        first: Via = "native",
        **params: Unpack[Params],
    ) -> Parsed[T]:
        """See `Client.parse`."""
        return await self._perform(*self._parse_steps(kind, model, messages, first, params), params)

    async def _answer(self, call: Call) -> Answer:
        return sign((await arun(complete(call), self._transport)).out, call.exchange)

    async def _perform(self, refs: Refs, steps: Steps[T], params: Params) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    value = await self._do(step, refs, params)
                except Exception as error:  # the steps decide what an error means
                    step = steps.throw(error)
                else:
                    step = steps.send(value)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    async def _do(self, step: ChatRequest | Invoke, refs: Refs, params: Params) -> Any:
        if isinstance(step, Invoke):
            value = step.function(**step.arguments)
            return await value if isawaitable(value) else value
        return await self._answer(self._begin(refs, step, params))

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def chat(model: ModelRefs, messages: Messages, **params: Unpack[Params]) -> Answer:
    """Get one answer, with the configuration of the command line. For more, keep a `Client`.

    Raises: as `Client.chat`.
    """
    with Client() as client:
        return client.chat(model, messages, **params)
