"""The objects that LiteLLM's providers fill in, and that its callers get: OpenAI's, open to all.

Attributes are items as well, and may be added. What begins with `_` is not dumped. Nothing is
checked here: what an adapter writes into them is checked when it is read.

Source: https://docs.litellm.ai/docs/completion/output; BerriAI/litellm, litellm/types/utils.py
(read 2026-11, release 1.106)
"""

# ruff: noqa: A002, A003 - the names of the parameters are what callers of LiteLLM's classes write

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from json import dumps as write_json
from typing import Any, TypeAlias, TypedDict

Fields: TypeAlias = dict[str, Any]

FINISH_REASONS: Mapping[str, str] = {
    "stop_sequence": "stop", "end_turn": "stop", "COMPLETE": "stop", "STOP": "stop",
    "eos_token": "stop", "eos": "stop", "max_tokens": "length", "MAX_TOKENS": "length",
    "tool_use": "tool_calls", "SAFETY": "content_filter", "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter", "PROHIBITED_CONTENT": "content_filter",
    "ERROR_TOXIC": "content_filter", "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter", "refusal": "content_filter",
}  # fmt: skip
"""Other APIs' words for how an answer ended, which LiteLLM's providers may pass on as they are."""


def map_finish_reason(finish_reason: str) -> str:
    """Say OpenAI's word for it; one that nobody knows stays as it is."""
    return FINISH_REASONS.get(finish_reason, finish_reason)


class OpenAIObject:
    """Fields that are attributes and items. `fields` may be any."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getitem__(self, name: str) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter([item for item in self.__dict__.items() if item[0][0] != "_"])

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in self)})"

    def get(self, name: str, default: Any = None) -> Any:
        """Look up a field."""
        return self.__dict__.get(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Look up a field, and set it when it is not there."""
        return self.__dict__.setdefault(name, default)

    def model_dump(self, **how: Any) -> Fields:
        """Tell all fields as plain data; with `exclude_none`, those that are something."""
        return {
            name: dump(value)
            for name, value in self
            if not (value is None and how.get("exclude_none"))
        }

    def dict(self, **how: Any) -> Fields:
        """See `model_dump`; so is `json`, in LiteLLM."""
        return self.model_dump(**how)

    json = dict

    def model_dump_json(self, **how: Any) -> str:
        """The same as JSON text."""
        return write_json(self.model_dump(**how))

    @property
    def hidden_params(self) -> Fields:
        """What LiteLLM keeps beside an answer; it is not sent on."""
        return self.__dict__.setdefault("_hidden_params", {})  # type: ignore[no-any-return]

    @hidden_params.setter
    def hidden_params(self, value: Any) -> None:
        self.__dict__["_hidden_params"] = value


_PLAIN = frozenset({str, int, float, bool, type(None)})


def dump(value: Any) -> Any:
    """Make plain data of objects like these, or of pydantic's, at any depth."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, OpenAIObject):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {str(name): dump(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [dump(inner) for inner in value]
    if callable(told := getattr(value, "model_dump", None)):
        return told()
    return value


def _made(kind: type[Any], value: Any) -> Any:
    """Take a value as an object of a kind, if it is a mapping or another library's object."""
    if isinstance(value, kind):
        return value
    plain = dump(value)
    return kind(**plain) if isinstance(plain, dict) else value


class Function(OpenAIObject):
    """The function that a call names; an object of arguments becomes JSON text."""

    def __init__(self, arguments: Any = None, name: str | None = None, **fields: Any) -> None:
        if isinstance(arguments, Mapping):
            arguments = write_json(dump(arguments))
        super().__init__(arguments=arguments or "", name=name, **fields)


FunctionCall = Function


class ChatCompletionMessageToolCall(OpenAIObject):
    """A tool call of a whole answer."""

    def __init__(
        self, function: Any = None, id: str | None = None, type: str | None = None, **fields: Any
    ) -> None:
        super().__init__(
            function=_made(Function, function or {}),
            id=id or f"call_{uuid.uuid4().hex}",
            type=type or "function",
            **fields,
        )


class ChatCompletionDeltaToolCall(OpenAIObject):
    """A piece of a tool call."""

    def __init__(
        self,
        function: Any = None,
        id: str | None = None,
        type: str | None = None,
        index: int = 0,
        **fields: Any,
    ) -> None:
        super().__init__(
            id=id, function=_made(Function, function or {}), type=type or "function", index=index,
            **fields,
        )  # fmt: skip


class Message(OpenAIObject):
    """What the model says, whole."""

    def __init__(
        self, content: str | None = None, role: str = "assistant", tool_calls: Any = None,
        function_call: Any = None, **fields: Any,
    ) -> None:  # fmt: skip
        calls = [_made(ChatCompletionMessageToolCall, call) for call in tool_calls or ()] or None
        super().__init__(
            content=content, role=role or "assistant", tool_calls=calls,
            function_call=_made(Function, function_call) if function_call else None,
            **fields,
        )  # fmt: skip


class Delta(OpenAIObject):
    """What the model says, a piece of it."""

    def __init__(
        self, content: str | None = None, role: str | None = None, function_call: Any = None,
        tool_calls: Any = None, **fields: Any,
    ) -> None:  # fmt: skip
        calls = None
        if tool_calls is not None:
            calls = [_made(ChatCompletionDeltaToolCall, call) for call in tool_calls]
        if "reasoning" in fields and fields.get("reasoning_content") is None:
            fields["reasoning_content"] = fields.pop("reasoning")
        super().__init__(
            content=content, role=role, function_call=function_call, tool_calls=calls, **fields
        )


class Choices(OpenAIObject):
    """One of the whole answers."""

    def __init__(
        self, finish_reason: str | None = None, index: int | None = 0, message: Any = None,
        **fields: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            finish_reason=map_finish_reason(finish_reason) if finish_reason else "stop",
            index=index or 0,
            message=Message() if message is None else _made(Message, message),
            **fields,
        )


class StreamingChoices(OpenAIObject):
    """One of the answers of a stream, a piece of it."""

    def __init__(
        self, finish_reason: str | None = None, index: int = 0, delta: Any = None,
        logprobs: Any = None, **fields: Any,
    ) -> None:  # fmt: skip
        fields.pop("message", None)
        super().__init__(
            finish_reason=map_finish_reason(finish_reason) if finish_reason else None,
            index=index,
            delta=Delta() if delta is None else _made(Delta, delta),
            logprobs=logprobs,
            **fields,
        )


class Usage(OpenAIObject):
    """Tokens."""

    def __init__(
        self, prompt_tokens: int | None = None, completion_tokens: int | None = None,
        total_tokens: int | None = None, reasoning_tokens: int | None = None, **fields: Any,
    ) -> None:  # fmt: skip
        if reasoning_tokens:
            fields.setdefault("completion_tokens_details", {"reasoning_tokens": reasoning_tokens})
        for name in ("prompt_tokens_details", "completion_tokens_details"):
            fields[name] = _made(OpenAIObject, fields[name]) if fields.get(name) else None
        prompt, completion = prompt_tokens or 0, completion_tokens or 0
        super().__init__(
            prompt_tokens=prompt, completion_tokens=completion,
            total_tokens=total_tokens or prompt + completion, **fields,
        )  # fmt: skip


class _Response(OpenAIObject):
    def __init__(
        self, kind: type[OpenAIObject], default_object: str, choices: Any, id: str | None,
        created: int | None, model: str | None, usage: Any, fields: dict[str, Any],
    ) -> None:  # fmt: skip
        hidden = fields.pop("hidden_params", None)
        several = choices if isinstance(choices, list | tuple) else None
        super().__init__(
            id=id or f"chatcmpl-{uuid.uuid4().hex}",
            created=int(time.time()) if created is None else created,
            model=model,
            object=fields.pop("object", None) or default_object,
            system_fingerprint=fields.pop("system_fingerprint", None),
            choices=[kind()] if several is None else [_made(kind, one) for one in several],
            **fields,
        )
        if usage is not None:
            self.usage = _made(Usage, usage)
        if hidden:
            self.hidden_params = hidden


class ModelResponse(_Response):
    """A whole answer; with `stream`, a piece of one."""

    def __init__(
        self, id: str | None = None, choices: Any = None, created: int | None = None,
        model: str | None = None, usage: Any = None, stream: bool | None = None, **fields: Any,
    ) -> None:  # fmt: skip
        for name in ("stream_options", "response_ms", "_response_headers"):
            fields.pop(name, None)
        kind, word = (Choices, "chat.completion")
        if stream:
            kind, word = (StreamingChoices, "chat.completion.chunk")  # type: ignore[assignment]
        super().__init__(kind, word, choices, id, created, model, usage, fields)


class ModelResponseStream(_Response):
    """A piece of an answer."""

    def __init__(
        self, choices: Any = None, id: str | None = None, created: int | None = None,
        model: str | None = None, usage: Any = None, **fields: Any,
    ) -> None:  # fmt: skip
        word = "chat.completion.chunk"
        super().__init__(StreamingChoices, word, choices, id, created, model, usage, fields)


class Embedding(OpenAIObject):
    """One vector."""

    def __init__(self, embedding: Any = (), index: int = 0, **fields: Any) -> None:
        fields.setdefault("object", "embedding")
        super().__init__(embedding=embedding, index=index, **fields)


class EmbeddingResponse(OpenAIObject):
    """Vectors."""

    def __init__(
        self, model: str | None = None, usage: Any = None, data: Any = None, **fields: Any
    ) -> None:
        for name in ("response_ms", "hidden_params", "_response_headers", "object"):
            fields.pop(name, None)
        super().__init__(
            model=model, data=data or [], object="list",
            usage=_made(Usage, usage) if usage else Usage(), **fields,
        )  # fmt: skip


class ChatCompletionToolCallFunctionChunk(TypedDict, total=False):
    """The function of a tool call, in a generic chunk."""

    name: str | None
    arguments: str


class ChatCompletionToolCallChunk(TypedDict, total=False):
    """A tool call, or a piece of one, in a generic chunk."""

    id: str | None
    type: str
    function: ChatCompletionToolCallFunctionChunk
    index: int


class ChatCompletionUsageBlock(TypedDict, total=False):
    """Tokens, in a generic chunk."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class GenericStreamingChunk(TypedDict, total=False):
    """A piece of an answer in the shape that chunk parsers and custom handlers may give."""

    text: str
    tool_use: ChatCompletionToolCallChunk | None
    is_finished: bool
    finish_reason: str
    usage: ChatCompletionUsageBlock | None
    index: int
    provider_specific_fields: dict[str, Any] | None
