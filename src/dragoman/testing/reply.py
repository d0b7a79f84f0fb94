"""What a scripted provider answers, right or wrong, in no API's language."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.types.usage import Usage

Fault: TypeAlias = Literal["stall", "cut", "nonsense"]

USAGE = Usage(prompt_tokens=7, completion_tokens=3)
"""What is reported unless a reply says otherwise."""


class Asked(Struct, frozen=True):
    """A request as it came. Names of headers are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON. Raises: msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class Reply(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An answer: text, thinking, calls of functions (name, and arguments as JSON text), usage.

    With a `status` of 400 and more it is a refusal, `text` its words and `code` the provider's.
    A `fault` comes after so many pieces of a stream (`after`), or in place of a whole answer.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    usage: Usage | None = USAGE
    status: int = 200
    code: str | None = None
    headers: Mapping[str, str] = {}
    fault: Fault | None = None
    after: int = 0


Replies: TypeAlias = "str | Reply | Callable[[Asked], str | Reply]"
"""A text, a reply, or what decides by the request."""


def refused(status: int, message: str = "refused, on purpose", code: str | None = None) -> Reply:
    """Refuse: 400, 401, 404 …"""
    return Reply(status=status, text=message, code=code)


def rate_limited(retry_after_s: float = 0.0) -> Reply:
    """Refuse for now: 429, and when to come back."""
    return Reply(
        status=429,
        text="rate limited, on purpose",
        code="rate_limit_exceeded",
        headers={"retry-after-ms": str(round(retry_after_s * 1000))},
    )


def server_error(status: int = 500) -> Reply:
    """Fail."""
    return Reply(status=status, text="failed, on purpose")


def stalled(text: str = "", after: int = 0) -> Reply:
    """Fall silent: after so many pieces of a stream, or at once. The connection stays open."""
    return Reply(text=text, fault="stall", after=after)


def cut(text: str = "Hello, this ends too soon", after: int = 1) -> Reply:
    """End the connection: after so many pieces of a stream, or in a whole answer's middle."""
    return Reply(text=text, fault="cut", after=after)


def nonsense(text: str = "Hello, this makes no sense", after: int = 1) -> Reply:
    """Send what is no JSON: after so many pieces of a stream, or as the whole answer."""
    return Reply(text=text, fault="nonsense", after=after)


def wrong_usage(text: str = "Hello", prompt_tokens: int = -1, completion_tokens: int = -1) -> Reply:
    """Answer, and report tokens that cannot be."""
    usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    return Reply(text=text, usage=usage)


def tool_call(name: str, **arguments: Any) -> Reply:
    """Call a function."""
    return Reply(calls=((name, json.dumps(arguments)),))


class Script:
    """Replies in order, the last one ever after; `asked` is what they answered."""

    def __init__(self, *replies: Replies) -> None:
        self.asked: list[Asked] = []
        self._replies = replies or ("Hello!",)

    def answer(self, asked: Asked) -> Reply:
        """Take the next reply."""
        reply = self._replies[min(len(self.asked), len(self._replies) - 1)]
        self.asked.append(asked)
        if callable(reply):
            reply = reply(asked)
        return Reply(text=reply) if isinstance(reply, str) else reply
