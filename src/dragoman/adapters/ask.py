"""What an adapter is told of a call: where it goes, with which key, and what is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from msgspec import structs

from dragoman.errors import ConfigError
from dragoman.types.http import HttpAnswer
from dragoman.types.lazy import lazy
from dragoman.types.message import Media, Message, Text, ToolCall, ToolResult
from dragoman.types.provider import Api, Provider
from dragoman.types.request import ChatRequest
from dragoman.wire import get_format
from dragoman.wire.json_text import decode

CHAT = "chat"
EMBEDDINGS = "embeddings"

_SENT = (
    "tools", "tool_choice", "parallel_tool_calls", "output", "reasoning", "max_tokens",
    "temperature", "top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty", "n",
    "logprobs", "top_logprobs", "user", "metadata",
)  # fmt: skip
"""What a caller may have set, and what is lost when nobody looks at it."""


class Ask:
    """One call, as an adapter sees it. Made anew for every attempt; nothing in it is shared.

    provider: whose table it is; `provider.name`, `provider.dialect`, `provider.models`.
    model: the upstream's own name of the model.
    base_url: as it is written in the configuration, or in the adapter's own table.
    api_key: the key, if one was found.
    stream: whether the answer shall be streamed. False, too, for an adapter that cannot.
    endpoint: `chat`, `embeddings`, or the path of another endpoint of the gateway's, `/rerank`.
    env: the variables that are in force: read these, not the process's.
    state: yours, to keep something from one hook of this call to the next.
    warnings: what was warned of so far (`warn`), a sentence each.
    clock: tells Unix time, in seconds.
    head: status and headers of the answer that is read, once it has come.
    added: fields that the settings of provider and model add to every body (`body`): at its top,
        where you set none of that name. Look here to add to one.
    extra_sent: yours to set, when the fields that nobody models (`request.extra`, which `openai`
        holds too) are in your body already, or reported; else they are added at its top.
    read_file: tells what a small text file holds (a service account's, say), by its path, in which
        `~` and variables count. Raises: ConfigError. The engine reads it: hooks open no files.
    """

    def __init__(
        self,
        provider: Provider,
        model: str,
        *,
        api_key: str | None = None,
        stream: bool = False,
        endpoint: str = CHAT,
        env: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        read_file: Callable[[str], str] | None = None,
        added: Mapping[str, Any] | None = None,
    ) -> None:
        self.provider = provider
        self.model = model
        self.base_url = provider.base_url
        self.api_key = api_key
        self.stream = stream
        self.endpoint = endpoint
        self.env: Mapping[str, str] = {} if env is None else env
        self.options: Mapping[str, str] = {} if options is None else options
        self.clock = clock
        self.added: Mapping[str, Any] = {} if added is None else added
        self.read_file = _read_nothing if read_file is None else read_file
        self.state: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.head = HttpAnswer(status=200, headers={})
        self.extra_sent = False
        self.texts: Sequence[str] = ()
        self.dimensions: int | None = None
        self.hidden: set[str] = set()
        self._request: ChatRequest | None = None
        self._read: set[str] = set()

    def __repr__(self) -> str:
        return f"Ask({self.provider.name}/{self.model})"

    # -- what is asked

    @property
    def request(self) -> ChatRequest:
        """The request, in no API's language. What is never read of it is reported to the caller."""
        if self._request is None:
            raise AttributeError("only a call for a chat has a request")
        return cast("ChatRequest", _Reading(self._request, self._read))

    @property
    def whole_request(self) -> ChatRequest:
        """The same, for whoever passes all of it on: counts as read."""
        if self._request is None:
            raise AttributeError("only a call for a chat has a request")
        self._read.update(_SENT)
        return self._request

    @lazy
    def openai(self) -> dict[str, Any]:
        """The body as OpenAI's chat completions has it, by the provider's dialect.

        `model`, `messages`, `tools` and what else the caller set. Yours to change.
        """
        body: dict[str, Any] = decode(self.write("openai-completions", self.whole_request))
        return body

    def write(self, api: Api, request: ChatRequest) -> bytes:
        """Write a request in a wire format and the provider's dialect; what is lost is told."""
        rendered = get_format(api).render_request(request, self.model, self.provider.dialect)
        self.warnings += rendered.warnings
        return rendered.body

    def warn(self, sentence: str) -> None:
        """Tell the caller what of its request could not be said. For `transform_request`."""
        self.warnings.append(sentence)

    def option(self, name: str, *variables: str, default: str | None = None) -> str | None:
        """Find a setting: in the provider's `options`, then in variables, first that is set."""
        if name in self.options:
            return self.options[name]
        return next((self.env[v] for v in variables if self.env.get(v)), default)

    def need(self, name: str, *variables: str) -> str:
        """Find a setting, as `option`. Raises: ConfigError that says where it was looked for."""
        found = self.option(name, *variables)
        if found:
            return found
        places = " or ".join(f"${variable}" for variable in variables)
        raise ConfigError(
            f"provider '{self.provider.name}': its adapter needs the option '{name}'",
            place=self.provider.place,
            hint=f'Add options = {{ {name} = "…" }} to its table'
            + (f", or set {places}." if places else "."),
        )

    def hide(self, secret: str) -> None:
        """Keep a text, a token that was fetched, out of all that is said of this call."""
        self.hidden.add(secret)

    # -- for those who run adapters

    def put(self, request: ChatRequest) -> None:
        """Set what is asked."""
        self._request = request
        self._read.clear()

    def unread(self) -> list[str]:
        """List what the caller set and no hook has looked at."""
        request = self._request
        if request is None:
            return []
        return [
            name
            for name in _SENT
            if name not in self._read and getattr(request, name) not in (None, ())
        ]


def _read_nothing(path: str) -> str:
    raise ConfigError(f"the file {path} cannot be read here")


class _Reading:
    """A request that notes which of its fields are looked at."""

    __slots__ = ("_names", "_request")

    def __init__(self, request: ChatRequest, names: set[str]) -> None:
        self._request = request
        self._names = names

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._request, name)
        self._names.add(name)
        return value

    def __repr__(self) -> str:
        fields = ", ".join(field.name for field in structs.fields(self._request))
        return f"ChatRequest with {fields}"


def instructions(request: ChatRequest) -> str:
    """Join what system and developer messages say."""
    texts = (m.text for m in request.messages if m.role in ("system", "developer"))
    return "\n\n".join(text for text in texts if text)


def turns(request: ChatRequest) -> list[Message]:
    """List the messages without the instructions."""
    return [m for m in request.messages if m.role not in ("system", "developer")]


def flat_text(message: Message, lost: Callable[[str], None]) -> str:
    """Tell a message as plain text; what has none (a picture) is named to `lost`."""
    texts = []
    for part in message.parts:
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, ToolResult):
            texts.append("".join(p.text for p in part.parts if isinstance(p, Text)))
        elif isinstance(part, ToolCall):
            texts.append(f"{part.name}({part.arguments})")
        elif isinstance(part, Media):
            lost(f"{part.kind} is not sent: this API takes text only")
    return "".join(texts)


def arguments_object(call: ToolCall, lost: Callable[[str], None]) -> Any:
    """Tell a call's arguments as a JSON object; text that is none is kept inside one."""
    from dragoman.wire.anthropic_messages.content import render_input

    value = render_input(call.arguments)
    if value is None:
        lost(f"the arguments of a call of {call.name} are no JSON object: sent as text")
        return {"invalid_json": call.arguments}
    return value
