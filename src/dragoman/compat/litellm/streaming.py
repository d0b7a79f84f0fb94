"""How a provider's own code reads a stream: chunk parsers over lines, and stream wrappers.

Source: BerriAI/litellm, litellm/llms/base_llm/base_model_iterator.py and
litellm_core_utils/streaming_handler.py (read 2026-11, release 1.106)
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from dragoman.compat.litellm.chunks import read_chunk
from dragoman.compat.litellm.shapes import (
    Delta,
    GenericStreamingChunk,
    ModelResponseStream,
    StreamingChoices,
    Usage,
    dump,
    map_finish_reason,
)

NOTHING: GenericStreamingChunk = {
    "text": "",
    "is_finished": False,
    "finish_reason": "",
    "usage": None,
    "index": 0,
    "tool_use": None,
}


class BaseModelResponseIterator:
    """Reads lines of server-sent events, or of JSON; override `chunk_parser`."""

    def __init__(
        self, streaming_response: Any, sync_stream: bool = True, json_mode: bool | None = False
    ) -> None:
        self.streaming_response = streaming_response
        self.response_iterator = streaming_response
        self.sync_stream = sync_stream
        self.json_mode = json_mode

    def chunk_parser(self, chunk: dict[str, Any]) -> Any:
        """Read the JSON object of a line into a chunk."""
        del chunk
        return dict(NOTHING)

    @staticmethod
    def _string_to_dict_parser(str_line: str) -> dict[str, Any] | None:
        try:
            found = json.loads(CustomStreamWrapper.strip_sse_data_from_chunk(str_line) or "")
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _handle_string_chunk(self, str_line: str) -> Any:
        found = self._string_to_dict_parser(str_line)
        if found:
            return self.chunk_parser(chunk=found)
        if "[DONE]" in str_line:
            return {**NOTHING, "is_finished": True, "finish_reason": "stop"}
        return dict(NOTHING)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while True:
            line = _as_line(next(self.response_iterator))
            if line.strip():
                return self._handle_string_chunk(str_line=line)

    def __aiter__(self) -> AsyncIterator[Any]:
        self.async_response_iterator = self.streaming_response.__aiter__()
        return self

    async def __anext__(self) -> Any:
        while True:
            line = _as_line(await self.async_response_iterator.__anext__())
            if line.strip():
                return self._handle_string_chunk(str_line=line)


PULLS = ("__next__", "__iter__")
"""What a chunk parser must leave alone, so that lines can be handed to it as they come."""


def takes_lines(iterator: Any) -> bool:
    """Tell whether an iterator can be handed lines, instead of being let pull them."""
    base = BaseModelResponseIterator
    return isinstance(iterator, base) and all(
        getattr(type(iterator), name) is getattr(base, name) for name in PULLS
    )


class MockResponseIterator:
    """Gives a whole answer as a stream of one piece."""

    def __init__(self, model_response: Any, json_mode: bool | None = False) -> None:
        self.model_response = model_response
        self.json_mode = json_mode
        self.is_done = False

    def chunk_parser(self, chunk: Any) -> Any:
        """Make a piece of the whole."""
        return one_piece(dump(chunk))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.is_done:
            raise StopIteration
        self.is_done = True
        return self.chunk_parser(self.model_response)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None


FakeStreamResponseIterator = MockResponseIterator


def one_piece(whole: Any) -> dict[str, Any]:
    """Make the only chunk of a stream of a whole answer's fields."""
    choices = [
        {
            "index": choice.get("index") or 0,
            "delta": choice.get("message") or {},
            "finish_reason": choice.get("finish_reason") or "stop",
        }
        for choice in whole.get("choices") or ()
    ]
    return {**whole, "choices": choices}


class CustomStreamWrapper:
    """Makes chunks of whatever `completion_stream` yields; override `chunk_creator`.

    A method `handle_…_chunk` of a subclass, if there is one, reads what it yields.
    """

    def __init__(
        self,
        completion_stream: Any,
        model: str | None = None,
        logging_obj: Any = None,
        custom_llm_provider: str | None = None,
        stream_options: Any = None,
        make_call: Callable[..., Any] | None = None,
        _response_headers: Any = None,
        **fields: Any,
    ) -> None:
        self.completion_stream = completion_stream
        self.model = model
        self.logging_obj = logging_obj
        self.custom_llm_provider = custom_llm_provider
        self.stream_options = stream_options
        self.make_call = make_call
        self._response_headers = _response_headers
        self.sent_first_chunk = False
        self.sent_last_chunk = False
        self.received_finish_reason: str | None = None
        self.response_id: str | None = None
        self.tool_call = False
        self.chunks: list[Any] = []
        self.__dict__.update(fields)
        self._handle = find_handler(self)

    def chunk_creator(self, chunk: Any) -> Any:
        """Make a chunk of what came; None when there is nothing in it."""
        if self._handle is not None:
            chunk = self._handle(chunk)
        fields = read_chunk(chunk)
        for choice in fields.get("choices") or ():
            if reason := choice.get("finish_reason"):
                self.received_finish_reason = map_finish_reason(reason)
        return fields or None

    def model_response_creator(self, chunk: Any = None, hidden_params: Any = None) -> Any:
        """Make an empty chunk."""
        made = ModelResponseStream(**{**(chunk or {}), "id": self.response_id, "model": self.model})
        self.response_id = made.id
        if hidden_params:
            made.hidden_params = hidden_params
        return made

    def return_processed_chunk_logic(
        self, completion_obj: dict[str, Any], model_response: Any, response_obj: dict[str, Any]
    ) -> Any:
        """Put what a chunk says into `model_response`; None when that is nothing."""
        if response_obj.get("is_finished"):
            self.received_finish_reason = map_finish_reason(
                response_obj.get("finish_reason") or "stop"
            )
        said = {n: v for n, v in completion_obj.items() if v is not None and v != ""}
        if not said and not response_obj.get("is_finished"):
            return None
        reason = self.received_finish_reason if response_obj.get("is_finished") else None
        model_response.choices = [StreamingChoices(finish_reason=reason, delta=Delta(**said))]
        if usage := response_obj.get("usage"):
            model_response.usage = usage if isinstance(usage, Usage) else Usage(**dump(usage))
        return model_response

    @staticmethod
    def strip_sse_data_from_chunk(chunk: str | None) -> str | None:
        """Take the `data:` off a line of server-sent events."""
        if isinstance(chunk, str) and chunk.startswith("data:"):
            return chunk[len("data:") :].removeprefix(" ")
        return chunk

    _strip_sse_data_from_chunk = strip_sse_data_from_chunk

    def fetch_sync_stream(self) -> Any:
        """Open the stream, when that was left for later."""
        if self.completion_stream is None and self.make_call is not None:
            self.completion_stream = iter(self.make_call(client=None))
        return self.completion_stream

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        stream = self.fetch_sync_stream()
        if not hasattr(stream, "__next__"):
            stream = self.completion_stream = iter(stream)
        while True:
            made = self.chunk_creator(chunk=next(stream))
            if made is not None:
                return made

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not hasattr(self.completion_stream, "__anext__"):
            self.completion_stream = self.completion_stream.__aiter__()
        while True:
            chunk = await self.completion_stream.__anext__()
            try:
                made = self.chunk_creator(chunk=chunk)
            except StopIteration:
                raise StopAsyncIteration from None
            if made is not None:
                return made


def find_handler(owner: Any) -> Callable[[Any], Any] | None:
    """Find the method `handle_…_chunk` of an object, if it has one."""
    names = (n for n in dir(owner) if n.startswith("handle_") and n.endswith("_chunk"))
    name = next(names, None)
    return getattr(owner, name) if name else None


def _as_line(chunk: Any) -> str:
    if not isinstance(chunk, bytes):
        return str(chunk)
    line = chunk.decode("utf-8", "replace")
    at = line.find("data:")
    return line[at:] if at > 0 else line
