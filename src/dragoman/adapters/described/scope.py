"""What the placeholders of a description stand for, for one request.

Values are looked up when a template names them, so that what it never names is noticed as unread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dragoman.adapters.ask import Ask, arguments_object, flat_text, instructions, turns
from dragoman.adapters.described.template import EACH, Lists, Scope
from dragoman.types.message import Media, Message, Reasoning, ToolCall, ToolResult
from dragoman.types.request import ChatRequest, ForeignTool, JsonSchema, Tool
from dragoman.wire.data_url import make_data_url
from dragoman.wire.json_text import decode

_SAME = (
    "max_tokens", "temperature", "top_p", "top_k", "seed", "presence_penalty",
    "frequency_penalty", "n", "user", "metadata", "parallel_tool_calls", "logprobs", "top_logprobs",
)  # fmt: skip
"""Placeholders that are called like the request's field."""

CALL_ONLY = ("base_url", "model", "api_key", "stream")
"""Placeholders for where a request goes and as whom: there are no others in a URL or a header."""

_MESSAGE = Lists(
    ("role", "text", "name", "call_id", "reasoning"),
    {
        "calls": Lists(("id", "name", "arguments", "input")),
        "images": Lists(("media_type", "data", "url")),
    },
)
ADDRESS = Lists(CALL_ONLY)
TEXTS = Lists((*CALL_ONLY, "texts", "dimensions"))
REQUEST = Lists(
    (
        *CALL_ONLY, *_SAME, "system", "prompt", "last", "messages", "tools", "tool_choice", "stop",
        "schema", "json", "effort",
    ),
    {
        "messages": _MESSAGE,
        "turns": _MESSAGE,
        "tools": Lists(("name", "description", "parameters", "strict")),
    },
)  # fmt: skip


def mentions(template: Any) -> frozenset[str]:
    """List the names that a template could look up: its words, and the lists it goes through."""
    return frozenset(_mentions(template))


def _mentions(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield from (part.partition("}")[0] for part in template.split("{")[1:])
    elif isinstance(template, dict):
        if isinstance(template.get(EACH), str):
            yield template[EACH]
        for value in template.values():
            yield from _mentions(value)
    elif isinstance(template, list):
        for value in template:
            yield from _mentions(value)


def address_scope(ask: Ask, encode: Callable[[str], str] = str) -> Scope:
    """Look up what there is in a URL (`encode` fits values into it) or in a header."""

    def find(name: str) -> Any:
        if name.startswith("option."):
            found = ask.option(name.removeprefix("option."))
            return None if found is None else encode(found)
        if name == "base_url":
            return ask.base_url.rstrip("/")
        value = getattr(ask, name)
        return encode(value) if isinstance(value, str) else value

    return find


def texts_scope(ask: Ask) -> Scope:
    """Look up what there is in a request for vectors."""
    address = address_scope(ask)
    own: Mapping[str, Any] = {"texts": list(ask.texts), "dimensions": ask.dimensions}
    return lambda name: own[name] if name in own else address(name)


def request_scope(ask: Ask, uses: frozenset[str]) -> Scope:
    """Look up what there is in a body. `uses` are the names that its template mentions."""
    address = address_scope(ask)
    request = ask.request
    spoken = _Spoken(ask, uses)

    def find(name: str) -> Any:
        look = _OWN.get(name)
        if look is not None:
            return look(request, spoken)
        return getattr(request, name) if name in _SAME else address(name)

    spoken.report(request)
    return find


class _Spoken:
    """The messages of a request, as entries for templates; what they cannot carry is reported."""

    def __init__(self, ask: Ask, uses: frozenset[str]) -> None:
        self.ask = ask
        self._uses = uses
        self.lost = ask.warn

    def report(self, request: ChatRequest) -> None:
        """Say what no placeholder of the template carries."""
        uses = self._uses
        if not uses & {"system", "messages", "prompt"} and instructions(request):
            self.lost("the instructions are not sent: this API takes none")
        if not uses & {"messages", "turns", "prompt"} and len(turns(request)) > 1:
            self.lost("earlier messages are not sent: this API takes one alone")

    def entries(self, messages: Iterable[Message]) -> list[Mapping[str, Any]]:
        made: list[Mapping[str, Any]] = []
        for message in messages:
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            if results and "call_id" in self._uses:
                made += (
                    self._entry(message, [result], result.call_id, result.name)
                    for result in results
                )
            else:
                made.append(self._entry(message, message.parts, None, message.name))
        return made

    def _entry(
        self, message: Message, parts: Iterable[Any], call_id: str | None, name: str | None
    ) -> Mapping[str, Any]:
        calls = [part for part in parts if isinstance(part, ToolCall)]
        images = [part for part in parts if isinstance(part, Media) and part.kind == "image"]
        kept: list[Any] = [*calls] if "calls" in self._uses else []
        kept += images if "images" in self._uses else []
        said = Message(message.role, tuple(part for part in parts if part not in kept))
        text = flat_text(said, self.lost)
        thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
        return {
            "role": message.role,
            "text": None if not text and kept else text,
            "name": name,
            "call_id": call_id,
            "reasoning": thought or None,
            "each:calls": [_call_entry(call, self.lost) for call in calls],
            "each:images": [_image_entry(image, self.lost) for image in images],
        }

    def prompt(self, request: ChatRequest) -> str:
        """Tell all messages as one text: a single one as it is, several with who says them."""
        if len(request.messages) == 1:
            return flat_text(request.messages[0], self.lost)
        lines = (f"{m.role}: {flat_text(m, self.lost)}" for m in request.messages)
        return "\n\n".join(lines)

    def last(self, request: ChatRequest) -> str:
        spoken = turns(request)
        return flat_text(spoken[-1], self.lost) if spoken else ""


def _call_entry(call: ToolCall, lost: Callable[[str], None]) -> Mapping[str, Any]:
    return {
        "id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "input": lambda: arguments_object(call, lost),
    }


def _image_entry(image: Media, lost: Callable[[str], None]) -> Mapping[str, Any]:
    data, url = image.data, image.url
    if data is None and url is None:
        lost("an image that is a file at another provider is not sent")
    if data is not None:
        url = make_data_url(image.media_type or "image/png", data)
    return {"media_type": image.media_type, "data": data, "url": url}


def _tool_entry(tool: Tool | ForeignTool, lost: Callable[[str], None]) -> Mapping[str, Any]:
    if isinstance(tool, ForeignTool):
        lost(f"a tool that only {tool.format} knows is not sent")
        return {}
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": tool.strict,
    }


def _choice(request: ChatRequest) -> str | None:
    choice = request.tool_choice
    return None if choice is None else choice.name or choice.mode


def _schema(request: ChatRequest) -> Any:
    return request.output.schema if isinstance(request.output, JsonSchema) else None


def _openai(ask: Ask, *, messages: Any = (), tools: Any = ()) -> dict[str, Any]:
    """Write messages or tools as OpenAI's chat completions has them."""
    request = ChatRequest(model=ask.model, messages=messages, tools=tools)
    body: dict[str, Any] = decode(ask.write("openai-completions", request))
    return body


_OWN: Mapping[str, Callable[[ChatRequest, _Spoken], Any]] = {
    "system": lambda request, _: instructions(request) or None,
    "prompt": lambda request, spoken: spoken.prompt(request),
    "last": lambda request, spoken: spoken.last(request),
    "messages": lambda request, spoken: _openai(spoken.ask, messages=request.messages).get(
        "messages"
    ),
    "tools": lambda request, spoken: _openai(spoken.ask, tools=request.tools).get("tools"),
    "tool_choice": lambda request, _: _choice(request),
    "stop": lambda request, _: list(request.stop) or None,
    "schema": lambda request, _: _schema(request),
    "json": lambda request, _: None if request.output is None else True,
    "effort": lambda request, _: None if request.reasoning is None else request.reasoning.effort,
    "each:messages": lambda request, spoken: spoken.entries(request.messages),
    "each:turns": lambda request, spoken: spoken.entries(turns(request)),
    "each:tools": lambda request, spoken: [
        _tool_entry(tool, spoken.lost) for tool in request.tools
    ],
}
"""How each placeholder and list is looked up, that is not the request's field of that name."""
