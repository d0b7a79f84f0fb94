"""How upstreams fail, in the three languages: chat completions, Responses, Anthropic Messages.

`ERRORS` are answers with a status; `BROKEN` are streams that end badly: the frames behind what was
said first (`None`: nothing) in each language.
"""

from __future__ import annotations

from typing import Any


def openai(kind: str, words: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": words, "type": kind, "param": None, "code": code}}


def claude(kind: str, words: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_1"}


_INVALID, _OVERLOAD = "invalid_request_error", "overloaded_error"

ERRORS: dict[str, tuple[tuple[int, Any], tuple[int, Any]]] = {
    "bad request": (
        (400, openai(_INVALID, "bad temperature")),
        (400, claude(_INVALID, "bad temperature")),
    ),
    "wrong key": (
        (401, openai(_INVALID, "wrong key", "invalid_api_key")),
        (401, claude("authentication_error", "wrong key")),
    ),
    "not allowed": (
        (403, openai("permission_error", "not yours")),
        (403, claude("permission_error", "not yours")),
    ),
    "unknown model": (
        (404, openai(_INVALID, "no such model", "model_not_found")),
        (404, claude("not_found_error", "model: m")),
    ),
    "prompt too long": (
        (
            400,
            openai(
                _INVALID,
                "This model's maximum context length is 10 tokens.",
                "context_length_exceeded",
            ),
        ),
        (400, claude(_INVALID, "prompt is too long: 20 tokens > 10 maximum")),
    ),
    "rate limit": (
        (429, openai("requests", "slow down", "rate_limit_exceeded")),
        (429, claude("rate_limit_error", "slow down")),
    ),
    "overload": (
        (503, openai("server_error", "overloaded")),
        (529, claude(_OVERLOAD, "Overloaded")),
    ),
    "server error": (
        (500, openai("server_error", "broken")),
        (500, claude("api_error", "broken")),
    ),
}  # fmt: skip

NOT_THE_CLIENTS = frozenset({"wrong key", "not allowed", "unknown model"})
"""What is for the one who set up the provider to mend: a client hears of a server's error."""

BROKEN: dict[str, tuple[bool, tuple[Any, Any, Any]]] = {
    "error before content": (
        False,
        (
            openai("server_error", "broken"),
            {"type": "error", "code": "server_error", "message": "broken", "param": None},
            claude("api_error", "broken"),
        ),
    ),
    "error amid the stream": (
        True,
        (
            openai("server_error", "broken"),
            {"type": "error", "code": "server_error", "message": "broken", "param": None},
            claude("api_error", "broken"),
        ),
    ),
    "truncated stream": (True, (None, None, None)),
}
