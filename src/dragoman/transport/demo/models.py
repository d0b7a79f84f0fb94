"""The demo models: what each says to a request, and at what pace."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from dragoman.transport.demo.attachment import describe
from dragoman.transport.demo.chat import Chat
from dragoman.transport.demo.instance import CannotInvent, invent
from dragoman.transport.demo.story import STORY

STORY_TOKEN_S = 0.025
SLOW_S = 5.0
RETRY_AFTER_MS = 20


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo model says: text, or one tool call (name, and arguments as JSON text).

    The first token comes after `first_token_s`, each further one after `token_s`. `cut_after` is
    the number of words after which the connection ends without a word.
    """

    text: str = ""
    call: tuple[str, str] | None = None
    first_token_s: float = 0.0
    token_s: float = 0.0
    cut_after: int | None = None
    finish: str = "stop"


class Refused(Exception):
    """The demo answers with an error of its own, in OpenAI's shape."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.code = code
        self.param = param
        self.headers = headers or {}


class Memory:
    """What a transport remembers between requests: how often each seed has been used."""

    def __init__(self) -> None:
        self._turns: dict[int, itertools.count[int]] = {}

    def turn(self, seed: int) -> int:
        """Count a request with this seed, from 0."""
        return next(self._turns.setdefault(seed, itertools.count()))


def answer(chat: Chat, memory: Memory) -> Answer:
    """Let the model that the request names answer it. Raises: Refused."""
    model = MODELS.get(chat.model)
    if model is None:
        raise Refused(
            404,
            "invalid_request_error",
            f"The model '{chat.model}' does not exist. The demo has: {', '.join(MODELS)}.",
            code="model_not_found",
            param="model",
        )
    return model(chat, memory)


def _echo(chat: Chat, _: Memory) -> Answer:
    return Answer(text=chat.last_text or "(You said nothing that could be echoed.)")


def _story(_: Chat, __: Memory) -> Answer:
    return Answer(text=STORY, token_s=STORY_TOKEN_S)


def _json(chat: Chat, _: Memory) -> Answer:
    """Answer with an instance of the schema that the request gives, else with any object."""
    output = chat.response_format or {}
    schema = (output.get("json_schema") or {}).get("schema")
    if output.get("type") != "json_schema" or schema is None:
        return Answer(text='{"demo": true, "hint": "give a JSON schema to get an instance of it"}')
    return Answer(text=_invented(schema, "response_format"))


def _tools(chat: Chat, _: Memory) -> Answer:
    """Call one tool with arguments that its schema admits, then answer with what it gave."""
    if results := chat.tool_results:
        return Answer(text=f"The tool answered: {'; '.join(results)}")
    tools = [tool.get("function") for tool in chat.tools or ()]
    functions = [function for function in tools if isinstance(function, dict)]
    if not functions or chat.tool_choice == "none":
        return Answer(text="Give me a tool, and I call it once. (This is the demo.)")
    function = _chosen(functions, chat.tool_choice)
    arguments = _invented(function.get("parameters") or {"type": "object"}, "tools")
    name = str(function.get("name", ""))
    return Answer(call=(name, arguments), finish="tool_calls")


def _vision(chat: Chat, _: Memory) -> Answer:
    """Tell type and size of what is attached."""
    seen = [describe(part) for part in chat.attachments]
    if not seen:
        return Answer(text="Attach a picture, and I tell its type and size. (This is the demo.)")
    return Answer(text=f"I see {'; '.join(seen)}. (This is the demo: it looks no closer.)")


def _flaky(chat: Chat, memory: Memory) -> Answer:
    """Fail in every way in turn; `seed` says where in the cycle a series of requests starts."""
    seed = chat.seed or 0
    return _CYCLE[(seed + memory.turn(seed)) % len(_CYCLE)]()


def _rate_limited() -> Answer:
    raise Refused(
        429,
        "rate_limit_error",
        "The demo is rate limited, for a moment.",
        code="rate_limit_exceeded",
        headers={"retry-after-ms": str(RETRY_AFTER_MS)},
    )


def _server_error() -> Answer:
    raise Refused(500, "server_error", "The demo failed, on purpose.")


def _cut_early() -> Answer:
    return Answer(text=_RECOVERED, cut_after=0)


def _recovered() -> Answer:
    return Answer(text=_RECOVERED)


def _cut_late() -> Answer:
    return Answer(text=_RECOVERED, cut_after=4)


_RECOVERED = "Hello! It took some attempts. (This is the demo.)"

_CYCLE = (_rate_limited, _server_error, _cut_early, _recovered, _cut_late)


def _slow(chat: Chat, _: Memory) -> Answer:
    """Keep the caller waiting: five seconds, or as many as the field `delay_s` says."""
    delay_s = SLOW_S if chat.delay_s is None else max(chat.delay_s, 0.0)
    return Answer(
        text=f"Sorry, that took {delay_s:g} s. (This is the demo.)", first_token_s=delay_s
    )


MODELS: Mapping[str, Callable[[Chat, Memory], Answer]] = {
    "echo": _echo,
    "story": _story,
    "json": _json,
    "tools": _tools,
    "vision": _vision,
    "flaky": _flaky,
    "slow": _slow,
}


def _chosen(functions: list[dict[str, Any]], choice: str | dict[str, Any] | None) -> dict[str, Any]:
    """The function that the request insists on, else the first."""
    name = (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None
    for function in functions:
        if function.get("name") == name:
            return function
    return functions[0]


def _invented(schema: Any, param: str) -> str:
    """JSON text that the schema admits. Raises: Refused."""
    try:
        return msgspec.json.encode(invent(schema)).decode()
    except CannotInvent as error:
        raise Refused(400, "invalid_request_error", str(error), param=param) from None
    except (TypeError, ValueError, AttributeError) as error:
        message = f"this is no JSON schema: {error}"
        raise Refused(400, "invalid_request_error", message, param=param) from None
