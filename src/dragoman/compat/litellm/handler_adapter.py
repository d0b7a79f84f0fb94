"""A LiteLLM `CustomLLM` as an adapter: requests go to it instead of to a server.

It is told, and tells, chat completions; so the real parser, timers, costs and the gateway's relay
are between it and the caller, as with any provider.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from msgspec import structs

from dragoman.adapters.adapter import Adapter, AuthFlow
from dragoman.adapters.ask import EMBEDDINGS, Ask
from dragoman.compat.litellm.answers import blank_response, write_answer, write_vectors
from dragoman.compat.litellm.custom_llm import CustomLLM
from dragoman.compat.litellm.hooks import call_hook, taken, typed
from dragoman.compat.litellm.performing import JSON_HEAD, Loop, perform_stream
from dragoman.compat.litellm.shapes import EmbeddingResponse
from dragoman.compat.litellm.streaming import one_piece
from dragoman.compat.litellm.surroundings import Encoding, Logging, print_verbose
from dragoman.errors import Unsupported
from dragoman.types.http import Halt, HttpAnswer, HttpRequest
from dragoman.wire.json_text import decode

CHAT = "chat"


def adapt_handler(found: Any) -> type[Adapter]:
    """Make an adapter's class of a `CustomLLM`'s class, or of an object of one."""
    kind = found if isinstance(found, type) else type(found)
    own = {"source": found, "__module__": kind.__module__, "loop": Loop(kind.__name__)}
    return type(kind.__name__, (HandlerAdapter,), own)


class HandlerAdapter(Adapter):
    """See the module. `source` is the class, or an object of it; one object serves all calls."""

    provider: ClassVar[Mapping[str, Any] | None] = {}
    source: ClassVar[Any]
    loop: ClassVar[Loop]

    def __init__(self) -> None:
        source = self.source
        self.handler: Any = source() if isinstance(source, type) else source

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """Send no headers: a handler is told the key itself."""
        del ask
        return {"content-type": "application/json"}

    def get_complete_url(self, ask: Ask) -> str:
        """Say that it is here."""
        return f"python:/{quote(ask.provider.name, safe='')}/{ask.endpoint.strip('/')}"

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """Have it answered here. Raises: Unsupported for an endpoint that handlers do not know."""
        if ask.endpoint not in (CHAT, EMBEDDINGS):
            raise Unsupported(
                f"{ask.provider.name} has no {ask.endpoint}: it knows chats and embeddings"
            )
        performer = HandlerPerformer(self, ask)
        yield structs.replace(request, performer=performer)


class HandlerPerformer:
    """Has one request answered."""

    def __init__(self, adapter: HandlerAdapter, ask: Ask) -> None:
        self.whose = ask.provider.name
        self._handler = adapter.handler
        self._loop = adapter.loop
        self._ask = ask

    def perform(self, request: HttpRequest, halt: Halt) -> Iterator[HttpAnswer | bytes]:
        """See `Performer.perform`."""
        body: dict[str, Any] = decode(request.body)
        if self._ask.endpoint == EMBEDDINGS:
            yield JSON_HEAD
            yield self._embed(body, halt)
        elif body.get("stream"):
            yield from self._stream(body, halt)
        else:
            hook, awaited = self._hook("completion", "acompletion")
            said = self._call(hook, awaited, self._chat_fields(body), halt)
            answer = write_answer(said, self.whose, hook.__name__, self._ask.model)
            yield JSON_HEAD
            yield answer

    def _stream(self, body: dict[str, Any], halt: Halt) -> Iterator[HttpAnswer | bytes]:
        fields = self._chat_fields(body)
        if not self._has("streaming", "astreaming"):
            hook, awaited = self._hook("completion", "acompletion")
            fields["optional_params"].pop("stream", None)
            said = self._call(hook, awaited, fields, halt)
            answer = decode(write_answer(said, self.whose, hook.__name__, self._ask.model))
            yield from perform_stream(
                self.whose, hook, self._ask.model, lambda: [one_piece(answer)]
            )
            return
        hook, _ = self._hook("streaming", "astreaming")

        def chunks() -> Any:
            found = hook(**taken(hook, fields))
            if inspect.iscoroutine(found):
                found = self._loop.run(found, halt)
            if hasattr(found, "__aiter__"):
                return self._loop.iterate(found, halt)
            return [found] if isinstance(found, Mapping) else found

        yield from perform_stream(self.whose, hook, self._ask.model, chunks)

    def _embed(self, body: dict[str, Any], halt: Halt) -> bytes:
        hook, awaited = self._hook("embedding", "aembedding")
        texts = body.pop("input", [])
        body.pop("model", None)
        body.pop("encoding_format", None)
        fields = {
            **self._fields(body),
            "input": [texts] if isinstance(texts, str) else texts,
            "model_response": EmbeddingResponse(),
        }
        said = self._call(hook, awaited, fields, halt)
        return write_vectors(said, self.whose, hook.__name__, self._ask.model)

    def _chat_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        messages = body.pop("messages", [])
        body.pop("model", None)
        body.pop("stream_options", None)
        return {
            **self._fields(body),
            "messages": messages,
            "model_response": blank_response(self._ask.model),
            "acompletion": False,
            "custom_prompt_dict": {},
            "logger_fn": None,
            "headers": {},
            "client": None,
            "encoding": Encoding(),
            "logging_obj": Logging(self._ask.model, messages, self.whose),
        }

    def _fields(self, optional_params: dict[str, Any]) -> dict[str, Any]:
        ask = self._ask
        return {
            "model": ask.model,
            "api_key": ask.api_key,
            "api_base": ask.base_url or None,
            "optional_params": optional_params,
            "litellm_params": {"custom_llm_provider": self.whose, **ask.options},
            "print_verbose": print_verbose,
            "timeout": ask.provider.timeouts.total,
            "logging_obj": Logging(ask.model, [], self.whose),
        }

    def _has(self, *names: str) -> bool:
        return any(_is_own(self._handler, name) for name in names)

    def _hook(self, blocking: str, awaited: str) -> tuple[Callable[..., Any], bool]:
        """Find the twin that the handler has; the one that blocks, if it has both."""
        if not _is_own(self._handler, blocking) and _is_own(self._handler, awaited):
            return getattr(self._handler, awaited), True
        return getattr(self._handler, blocking), False

    def _call(
        self, hook: Callable[..., Any], awaited: bool, fields: Mapping[str, Any], halt: Halt
    ) -> Any:
        """Call a twin. Raises: DragomanError."""
        found = call_hook(self.whose, hook, **fields)
        if not awaited and not inspect.iscoroutine(found):
            return found
        try:
            return self._loop.run(found, halt)
        except Exception as error:
            raise typed(self.whose, hook, error) from error


def _is_own(handler: Any, name: str) -> bool:
    return getattr(type(handler), name, None) is not getattr(CustomLLM, name) or name in vars(
        handler
    )
