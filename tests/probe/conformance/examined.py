"""A provider that passes every case, and the ways in which one may fail a single one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dragoman.probe.conformance.answers import COUNT, ODD, SAY_OK, STOP
from tests.upstream.answers import (
    chat,
    chat_stream,
    delta_stream,
    embeddings,
    error,
    models,
    sse,
    tokens,
    tool_calls,
)
from tests.upstream.fault import Request
from tests.upstream.script import Answer, Script

MODEL = "m1"
KEY = "sk-1234567890abcdef"
Body = Mapping[str, Any]
Override = Callable[[Body], Script | None]
"""Answers in its own way what is not as it should be, and leaves the rest."""

NUMBERS = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"


def conforming(override: Override = lambda body: None) -> Callable[[Request], Script]:
    """Answer every case as it should be, but for what `override` answers."""

    def serve(request: Request) -> Script:
        if request.path == "/v1/models":
            return models(MODEL, "text-embed-1")
        body = request.json()
        if request.header("authorization") != f"Bearer {KEY}":
            known = override({**body, "key": request.header("authorization")})
            return known or error(401, message="Incorrect API key", code="invalid_api_key")
        if (answer := override(body)) is not None:
            return answer
        if body["model"] not in (MODEL, "text-embed-1"):
            return error(404, message=f"no model {body['model']}", code="model_not_found")
        if "input" in body:
            return embeddings(1)
        return _streamed(body) if body.get("stream") else _whole(body)

    return serve


def question(body: Body) -> str:
    """The last text of the user; an image is `image`."""
    texts = [m["content"] for m in body.get("messages", ()) if m["role"] == "user"]
    if not texts:
        return ""
    return "image" if isinstance(texts[-1], list) else texts[-1]


def roles(body: Body) -> list[str]:
    return [message["role"] for message in body.get("messages", ())]


def _streamed(body: Body) -> Answer:
    if "tools" in body:
        return tool_calls(("get_time", {"city": "Paris"}), stream=True, model=MODEL)
    if ODD in question(body):
        return chat_stream([ODD[:7], ODD[7:]], model=MODEL)
    if question(body) == COUNT:
        return chat_stream(["1 ", "2 ", "3 "], model=MODEL).stall(at=500)
    return chat_stream(["O", "K"], model=MODEL)


def _whole(body: Body) -> Answer:
    if "tools" in body:
        return _called(body)
    if "response_format" in body or "JSON" in str(body["messages"]):
        return chat('{"ok": true}', model=MODEL)
    if "reasoning_effort" in body:
        usage = tokens(9, 12, reasoning=9)
        return chat("391", reasoning_content="17 times 23 …", usage=usage, model=MODEL)
    if body.get("stop"):
        return chat(NUMBERS.partition(STOP)[0], model=MODEL)
    asked = question(body)
    if asked == COUNT:
        return chat(NUMBERS, finish="length", usage=tokens(20, 16), model=MODEL)
    words = {SAY_OK: "OK", "image": "Red.", "Hi.": "PINEAPPLE"}
    return chat(words.get(asked, "Ada."), model=MODEL)


def _called(body: Body) -> Answer:
    if roles(body)[-1] == "tool":
        return chat("It is 21:47.", model=MODEL)
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return tool_calls((choice["function"]["name"], {"city": "Paris"}), model=MODEL)
    cities = ["Paris", "Tokyo"] if "Tokyo" in question(body) else ["Paris"]
    return tool_calls(*(("get_time", {"city": city}) for city in cities), model=MODEL)


# ------------------------------------------------------------------------------------ defects


def refuse(what: str = "that is not supported") -> Answer:
    return error(400, message=what)


def _plain(body: Body) -> bool:
    return question(body) == SAY_OK and body["model"] == MODEL and "key" not in body


def _when(condition: Callable[[Body], bool], answer: Script) -> Override:
    return lambda body: answer if "key" not in body and condition(body) else None


def _asks(body: Body, *, tools: bool = False, stream: bool = False, text: str = "") -> bool:
    return (
        ("tools" in body) == tools and bool(body.get("stream")) == stream and text in question(body)
    )


def _split(body: Body) -> Script | None:
    """Calls whose arguments lose a piece when streamed."""
    if not _asks(body, tools=True, stream=True):
        return None
    opening = {"id": "c", "type": "function", "function": {"name": "get_time", "arguments": ""}}
    piece = {"index": 0, "function": {"arguments": '{"city": "Pa'}}
    return delta_stream(
        [{"tool_calls": [{"index": 0, **opening}]}, {"tool_calls": [piece]}],
        finish="tool_calls",
        model=MODEL,
    )


def _same_ids(body: Body) -> Script | None:
    if not _asks(body, tools=True, text="Tokyo"):
        return None
    call = {
        "id": "same",
        "type": "function",
        "function": {"name": "get_time", "arguments": '{"city": "Paris"}'},
    }
    calls = [{**call, "index": index} for index in (0, 1)]
    return chat(None, finish="tool_calls", tool_calls=calls, model=MODEL)


def _names_wanted(body: Body) -> Script | None:
    results = [m for m in body.get("messages", ()) if m["role"] == "tool"]
    return refuse("name is missing") if any("name" not in m for m in results) else None


DEFECTS: dict[str, tuple[Override, dict[str, str], dict[str, Any]]] = {
    "empty answer": (
        _when(lambda b: _plain(b) and not b.get("stream"), chat("", model=MODEL)),
        {"chat": "failed"},
        {},
    ),
    "stream refused": (
        _when(lambda b: bool(b.get("stream")), refuse()),
        {"stream": "failed"},
        {},
    ),
    "stream cut": (
        _when(lambda b: _plain(b) and bool(b.get("stream")), chat_stream(["O", "K"]).cut(at=300)),
        {"stream": "failed"},
        {},
    ),
    "stream of bad events": (
        _when(lambda b: _plain(b) and bool(b.get("stream")), sse(["{not json", "[1, 2"])),
        {"stream": "failed"},
        {},
    ),
    "stream_options refused": (
        _when(lambda b: "stream_options" in b, refuse("unknown field stream_options")),
        {"stream": "warning"},
        {"stream_usage": False},
    ),
    "text only when not streamed": (
        _when(
            lambda b: _plain(b) and bool(b.get("stream")),
            delta_stream([{"reasoning_content": "hm"}], model=MODEL),
        ),
        {"stream_same": "failed"},
        {},
    ),
    "negative usage": (
        _when(
            lambda b: _plain(b) and not b.get("stream"),
            chat("OK", usage=tokens(7, -3), model=MODEL),
        ),
        {"usage": "failed"},
        {},
    ),
    "more cached than there is": (
        _when(
            lambda b: _plain(b) and not b.get("stream"),
            chat("OK", usage=tokens(7, 3, cached=70), model=MODEL),
        ),
        {"usage": "failed"},
        {},
    ),
    "no usage": (
        _when(lambda b: _plain(b) and not b.get("stream"), chat("OK", usage=None, model=MODEL)),
        {"usage": "warning"},
        {},
    ),
    "other usage in streams": (
        _when(
            lambda b: _plain(b) and bool(b.get("stream")),
            chat_stream(["OK"], usage=tokens(700, 3), model=MODEL),
        ),
        {"stream_usage": "failed"},
        {},
    ),
    "no usage in streams": (
        _when(
            lambda b: _plain(b) and bool(b.get("stream")),
            chat_stream(["OK"], usage=None, model=MODEL),
        ),
        {"stream_usage": "warning"},
        {},
    ),
    "limit ignored": (
        _when(
            lambda b: question(b) == COUNT and not b.get("stream") and not b.get("stop"),
            chat(NUMBERS * 5, usage=tokens(20, 120), model=MODEL),
        ),
        {"max_tokens": "failed"},
        {},
    ),
    "max_tokens ignored": (
        _when(
            lambda b: (
                question(b) == COUNT and "max_tokens" in b and not {"stream", "stop"} & set(b)
            ),
            chat(NUMBERS * 5, usage=tokens(20, 120), model=MODEL),
        ),
        {"max_tokens": "warning"},
        {"max_tokens_field": "max_completion_tokens"},
    ),
    "max_tokens refused": (
        _when(
            lambda b: "max_tokens" in b,
            error(
                400,
                {
                    "error": {
                        "message": "Unsupported parameter: 'max_tokens' is not supported with this"
                        " model. Use 'max_completion_tokens' instead.",
                        "type": "invalid_request_error",
                        "param": "max_tokens",
                        "code": "unsupported_parameter",
                    }
                },
            ),
        ),
        {"chat": "warning"},
        {"max_tokens_field": "max_completion_tokens"},
    ),
    "system refused": (
        _when(lambda b: "PINEAPPLE" in str(b.get("messages")), refuse()),
        {"system": "failed"},
        {},
    ),
    "developer in place of system": (
        _when(lambda b: "system" in roles(b), refuse("no system messages")),
        {"system": "warning"},
        {"system_role": "developer"},
    ),
    "developer refused": (
        _when(lambda b: "developer" in roles(b), refuse()),
        {"developer": "unsupported"},
        {},
    ),
    "turns refused": (
        _when(lambda b: "assistant" in roles(b) and "tools" not in b, refuse()),
        {"turns": "failed"},
        {},
    ),
    "stop ignored": (
        _when(lambda b: "stop" in b, chat(NUMBERS, model=MODEL)),
        {"stop": "failed"},
        {},
    ),
    "stop refused": (_when(lambda b: "stop" in b, refuse()), {"stop": "unsupported"}, {}),
    "characters broken": (
        _when(lambda b: ODD in question(b), chat_stream(["GrÃ¼ÃŸe"], model=MODEL)),
        {"unicode": "warning"},
        {},
    ),
    "fault on an empty message": (
        _when(lambda b: question(b) == " ", error(500)),
        {"empty": "warning"},
        {},
    ),
    "tools refused": (
        _when(lambda b: "tools" in b, refuse()),
        dict.fromkeys(
            ("tools", "tool_choice", "streamed_tools", "parallel_tools", "tool_result"),
            "unsupported",
        ),
        {},
    ),
    "choice ignored": (
        _when(lambda b: "tool_choice" in b, chat("It is late.", model=MODEL)),
        {"tool_choice": "failed"},
        {},
    ),
    "choice of a function ignored": (
        _when(
            lambda b: isinstance(b.get("tool_choice"), dict),
            tool_calls(("get_time", {"city": "Paris"}), model=MODEL),
        ),
        {"tool_choice": "warning"},
        {},
    ),
    "streamed call broken": (_split, {"streamed_tools": "failed"}, {}),
    "two calls with one id": (_same_ids, {"parallel_tools": "failed"}, {}),
    "one call at a time": (
        _when(
            lambda b: _asks(b, tools=True, text="Tokyo"),
            tool_calls(("get_time", {"city": "Paris"}), model=MODEL),
        ),
        {"parallel_tools": "unsupported"},
        {},
    ),
    "parallel_tool_calls refused": (
        _when(lambda b: "parallel_tool_calls" in b, refuse("unknown field")),
        {"parallel_tools": "warning"},
        {"parallel_tool_calls": False},
    ),
    "results refused": (
        _when(lambda b: "tool" in roles(b), refuse()),
        {"tool_result": "failed"},
        {},
    ),
    "results without a name refused": (
        _names_wanted,
        {"tool_result": "warning"},
        {"tool_result_name": True},
    ),
    "response_format refused": (
        _when(
            lambda b: "response_format" in b,
            refuse("Unknown parameter: 'response_format'."),
        ),
        {"schema": "warning", "json": "unsupported"},
        {"json_schema": "none"},
    ),
    "schema ignored": (
        _when(
            lambda b: b.get("response_format", {}).get("type") == "json_schema",
            chat("Sure! It is ok.", model=MODEL),
        ),
        {"schema": "warning"},
        {"json_schema": "object"},
    ),
    "JSON mode ignored": (
        _when(
            lambda b: b.get("response_format", {}).get("type") == "json_object",
            chat("Sure! It is ok.", model=MODEL),
        ),
        {"json": "warning"},
        {},
    ),
    "fault on a picture": (
        _when(lambda b: question(b) == "image", error(500)),
        {"images": "warning"},
        {},
    ),
    "picture refused": (
        _when(lambda b: question(b) == "image", refuse()),
        {"images": "unsupported"},
        {},
    ),
    "thinking in the text": (
        _when(
            lambda b: "reasoning_effort" in b,
            chat("<think>17 times 23 …</think>391", model=MODEL),
        ),
        {"reasoning": "failed"},
        {"think_tags": True},
    ),
    "effort refused": (
        _when(lambda b: "reasoning_effort" in b, refuse()),
        {"reasoning": "unsupported"},
        {"reasoning": "none"},
    ),
    "fault on embeddings": (
        _when(lambda b: "input" in b, error(500)),
        {"embeddings": "warning"},
        {},
    ),
    "whole answer where a stream was asked for": (
        _when(lambda b: question(b) == COUNT and bool(b.get("stream")), chat("1 2 3", model=MODEL)),
        {"cancel": "warning"},
        {},
    ),
    "fault for an unknown model": (
        _when(lambda b: b["model"] not in (MODEL, "text-embed-1"), error(500)),
        {"unknown_model": "failed"},
        {},
    ),
    "any name is answered": (
        _when(lambda b: b["model"] not in (MODEL, "text-embed-1"), chat("OK", model=MODEL)),
        {"unknown_model": "warning"},
        {},
    ),
    "fault for a wrong key": (
        lambda body: error(500) if "key" in body else None,
        {"wrong_key": "failed"},
        {},
    ),
    "any key is accepted": (
        lambda body: chat("OK", model=MODEL) if "key" in body else None,
        {"wrong_key": "unsupported"},
        {},
    ),
}
"""What is wrong, what the cases that see it say, and the dialect that mends it."""
