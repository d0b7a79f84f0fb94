"""Ollama as it speaks itself: `/api/chat` and `/api/embed`, a JSON value on each line.

Its OpenAI-compatible endpoint cannot be told how large the context window shall be (`num_ctx`) and
cuts a prompt that is larger without a word. This one can, and is asked to refuse instead.

    [[providers]]
    name = "ollama-native"
    options = { num_ctx = "32768", keep_alive = "30m" }

Source: https://docs.ollama.com/api/chat, https://docs.ollama.com/api/embed and api/types.go of
https://github.com/ollama/ollama (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from dragoman.adapters.adapter import Adapter, Body
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import EMBEDDINGS, Ask, arguments_object
from dragoman.adapters.frames import Framing, Piece
from dragoman.adapters.own_fields import add_own_fields
from dragoman.errors import DragomanError, NotFound, ProtocolError, Unsupported
from dragoman.types.embedding import Embeddings
from dragoman.types.http import HttpAnswer
from dragoman.types.message import Media, Message, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.request import ChatRequest, ForeignTool, JsonSchema, ReasoningOptions
from dragoman.types.usage import Usage
from dragoman.wire.classification import classify
from dragoman.wire.effort import nearest_effort
from dragoman.wire.error_body import bounded, read_details
from dragoman.wire.json_text import decode

OWN_FIELDS = frozenset({"options", "keep_alive", "think", "truncate", "shift", "format"})
_AT_THE_TOP = ("keep_alive", "truncate", "shift")

_OPTIONS = {
    "max_tokens": "num_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
"""Our name → the model's option."""

_LEVELS = {"minimal": "low", "xhigh": "high", "max": "high"}
_FINISH = {"stop": "stop", "length": "length"}
_TIMES = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


class Ollama(Adapter):
    """Ollama's native API. Options: those of its models (`num_ctx` …), and `keep_alive`.

    `truncate` is false unless it is set: what does not fit is an error, not a shorter prompt.
    """

    name: ClassVar[str] = "ollama"
    framing: ClassVar[Framing] = "json-lines"

    def get_complete_url(self, ask: Ask) -> str:
        """Say `…/api/chat` or `…/api/embed`, also where the base URL ends in `/v1`."""
        if ask.endpoint not in ("chat", EMBEDDINGS):
            raise Unsupported(f"{ask.provider.name} has no {ask.endpoint}")
        return f"{_root(ask)}/api/{'embed' if ask.endpoint == EMBEDDINGS else 'chat'}"

    def get_models_url(self, ask: Ask) -> str:
        """Say where the models are listed that were pulled."""
        return f"{_root(ask)}/api/tags"

    def transform_request(self, ask: Ask) -> Body:
        """Say the conversation. Raises: Unsupported."""
        request = ask.request
        body: dict[str, Any] = {
            "model": ask.model,
            "messages": [m for message in _told(request, ask) for m in message],
            "stream": ask.stream,
        }
        if tools := _tools(request, ask):
            body["tools"] = tools
        if request.output is not None:
            output = request.output
            body["format"] = output.schema if isinstance(output, JsonSchema) else "json"
        if request.reasoning is not None and (think := _think(request.reasoning, ask)) is not None:
            body["think"] = think
        if request.logprobs:
            body["logprobs"] = True
            if request.top_logprobs is not None:
                body["top_logprobs"] = request.top_logprobs
        if options := _options(request):
            body["options"] = options
        add_own_fields(ask, body, OWN_FIELDS)
        return _with_settings(ask, body)

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        """Read a whole answer. Raises: DragomanError."""
        self.transform_stream(answer, out, ask)
        if not out.ending:
            raise ProtocolError("the upstream's answer is not done", raw=bounded(answer.data))

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        """Read a line. Raises: DragomanError."""
        line = frame.object()
        if line.get("error"):
            raise _error(None, {}, frame.data, ask.model)
        message = line.get("message") or {}
        if not isinstance(message, dict):
            raise ProtocolError("the upstream's message is no object", raw=bounded(frame.data))
        out.start(model=line.get("model"))
        out.reasoning(_text(message, "thinking"))
        logprobs = line.get("logprobs")
        out.text(_text(message, "content"), logprobs if isinstance(logprobs, list) else ())
        for call in message.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict) or not isinstance(function.get("name"), str):
                raise ProtocolError("the upstream's tool call has no name", raw=bounded(frame.data))
            arguments = function.get("arguments")
            out.tool_call(
                id=call.get("id") if isinstance(call.get("id"), str) else None,
                name=function["name"],
                arguments=arguments if isinstance(arguments, str | dict) else None,
            )
        if line.get("done"):
            _finish(line, out)

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        """Classify an error."""
        return _error(answer.status, answer.headers, answer.body, ask.model)

    def transform_embedding_request(self, ask: Ask) -> Body:
        """Ask for the vectors of all texts at once; a text that is too long is an error."""
        body: dict[str, Any] = {"model": ask.model, "input": list(ask.texts), "truncate": False}
        if ask.dimensions is not None:
            body["dimensions"] = ask.dimensions
        body.update((name, ask.added[name]) for name in OWN_FIELDS if name in ask.added)
        return _with_settings(ask, body)

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        """Read the vectors. Raises: ProtocolError."""
        del ask
        vectors = answer["embeddings"]
        try:
            found = tuple(tuple(float(number) for number in vector) for vector in vectors)
        except (TypeError, ValueError):
            raise ProtocolError(
                "the upstream's vectors are none", raw=bounded(answer.data)
            ) from None
        prompt = answer.get("prompt_eval_count")
        usage = Usage(prompt_tokens=prompt) if type(prompt) is int and prompt >= 0 else None
        model = answer.get("model")
        return Embeddings(
            vectors=found, model=model if isinstance(model, str) else None, usage=usage
        )


# ---------------------------------------------------------------- what is asked


def _root(ask: Ask) -> str:
    return ask.base_url.rstrip("/").removesuffix("/v1").removesuffix("/api")


def _told(request: ChatRequest, ask: Ask) -> list[list[dict[str, Any]]]:
    names: dict[str, str] = {}
    return [_message(message, names, ask) for message in request.messages]


def _message(message: Message, names: dict[str, str], ask: Ask) -> list[dict[str, Any]]:
    """Write one message; results of tools are a message each. `names` are the calls' so far."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if results:
        return [_result(result, names, ask) for result in results]
    told: dict[str, Any] = {
        "role": "system" if message.role == "developer" else message.role,
        "content": message.text,
    }
    thought = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if thought:
        told["thinking"] = thought
    if images := _images(message.parts):
        told["images"] = images
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    names.update((call.id, call.name) for call in calls)
    if calls:
        told["tool_calls"] = [
            {
                "id": call.id,
                "function": {"name": call.name, "arguments": arguments_object(call, ask.warn)},
            }
            for call in calls
        ]
    return [told]


def _result(result: ToolResult, names: Mapping[str, str], ask: Ask) -> dict[str, Any]:
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    told: dict[str, Any] = {"role": "tool", "content": text, "tool_call_id": result.call_id}
    name = result.name or names.get(result.call_id)
    if name:
        told["tool_name"] = name
    if images := _images(result.parts):
        told["images"] = images
    if result.is_error:
        ask.warn("that a tool failed is not sent: Ollama cannot be told")
    return told


def _images(parts: tuple[Any, ...]) -> list[str]:
    """List the pictures as base64 text. Raises: Unsupported for what is none, or elsewhere."""
    found = []
    for part in parts:
        if not isinstance(part, Media):
            continue
        if part.kind != "image":
            raise Unsupported(f"Ollama takes no {part.kind}", param="messages")
        if part.data is None:
            raise Unsupported(
                "Ollama takes pictures as data, not by their URL",
                param="messages",
                hint="send a data: URL",
            )
        found.append(part.data)
    return found


def _tools(request: ChatRequest, ask: Ask) -> list[dict[str, Any]]:
    offered, choice = request.tools, request.tool_choice
    if choice is not None and choice.mode == "none":
        return []
    if choice is not None and choice.mode != "auto":
        ask.warn("tool_choice is not sent: Ollama lets the model choose")
    if request.parallel_tool_calls is False:
        ask.warn("parallel_tool_calls is not sent: Ollama does not know it")
    tools = []
    for tool in offered:
        if isinstance(tool, ForeignTool):
            ask.warn(f"a tool that only {tool.format} knows is not sent")
            continue
        function: dict[str, Any] = {"name": tool.name}
        if tool.description is not None:
            function["description"] = tool.description
        function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
        tools.append({"type": "function", "function": function})
    return tools


def _think(reasoning: ReasoningOptions, ask: Ask) -> bool | str | None:
    """Say whether to think; how much, to the models that take a level and nothing else."""
    effort = reasoning.effort
    if effort is None and reasoning.budget_tokens is not None:
        effort = nearest_effort(reasoning.budget_tokens)
    if effort is None:
        return None
    # Of all its models, gpt-oss alone knows levels, and cannot do without thinking.
    if "gpt-oss" in ask.model:
        return "low" if effort == "none" else _LEVELS.get(effort, effort)
    return effort != "none"


def _options(request: ChatRequest) -> dict[str, Any]:
    options = {theirs: getattr(request, ours) for ours, theirs in _OPTIONS.items()}
    options = {name: value for name, value in options.items() if value is not None}
    if request.stop:
        options["stop"] = list(request.stop)
    return options


def _with_settings(ask: Ask, body: dict[str, Any]) -> dict[str, Any]:
    """Add what the provider's `options` say, where the request says nothing."""
    settings = {name: _plain(value) for name, value in ask.options.items()}
    for name in _AT_THE_TOP:
        if name in settings:
            body.setdefault(name, settings.pop(name))
    if options := {**settings, **body.get("options", {})}:
        body["options"] = options
    body.setdefault("truncate", False)
    return body


def _plain(text: str) -> Any:
    """Read a setting: numbers and truth values are such, anything else is text."""
    try:
        value = decode(text.encode())
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


# ---------------------------------------------------------------- what is answered


def _finish(line: Mapping[str, Any], out: Answer) -> None:
    out.usage(prompt=line.get("prompt_eval_count"), completion=line.get("eval_count"))
    times = {name: line[name] for name in _TIMES if type(line.get(name)) is int}
    if times:
        out.meta({"ollama": times})
    word = line.get("done_reason")
    word = word if isinstance(word, str) and word else "stop"
    out.finish(_FINISH.get(word, "other"), raw=word)


def _text(message: Mapping[str, Any], name: str) -> str | None:
    value = message.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ProtocolError(f"the upstream's {name} is no text")


def _error(
    status: int | None, headers: Mapping[str, str], body: bytes, model: str
) -> DragomanError:
    """Make the error; one of the model's runner comes as JSON in the message of another."""
    details = read_details(body)
    inner = read_details(details.message.encode())
    if inner.code or inner.type:
        details = replace(inner, message=inner.message or details.message)
    error = classify(status, details, headers, body)
    if isinstance(error, NotFound):
        error.hint = error.hint or f"Fetch it first: ollama pull {model}"
    return error
