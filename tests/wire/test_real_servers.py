"""Servers that nobody here wrote: we send what they take, and see what the official client sees."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import openai
import pytest

from dragoman.errors import ContextOverflow, NotFound, UpstreamError
from dragoman.types import (
    ChatRequest,
    Completion,
    Dialect,
    Finish,
    JsonSchema,
    Tool,
    ToolChoice,
    user,
)
from dragoman.wire import get_format
from dragoman.wire.whole import accumulate
from tests.upstream.aimock import AimockServer
from tests.upstream.llama import LlamaServer

FORMAT = get_format("openai-completions")
TOOL = Tool("f", "Do it.", {"type": "object", "properties": {"x": {"type": "integer"}}})
REQUESTS = {
    "text": ChatRequest(model="m", messages=(user("Hi"),), max_tokens=12, seed=1),
    "cut short": ChatRequest(model="m", messages=(user("Hi"),), max_tokens=3),
    "schema": ChatRequest(
        model="m",
        messages=(user("Hi"),),
        max_tokens=64,
        output=JsonSchema(
            {"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]}
        ),
    ),
    "tool": ChatRequest(
        model="m",
        messages=(user("Hi"),),
        max_tokens=200,
        tools=(TOOL,),
        tool_choice=ToolChoice("required"),
    ),
}


def post(base_url: str, body: bytes, size: int) -> list[bytes]:
    headers = {"content-type": "application/json", "authorization": "Bearer any"}
    request = urllib.request.Request(f"{base_url}/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return list(iter(lambda: answer.read(size), b""))


def ask(base_url: str, request: ChatRequest, *, stream: bool, size: int = 7) -> Completion:
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    rendered = FORMAT.render_request(ChatRequest(**{**fields, "stream": stream}), "m", Dialect())
    assert rendered.warnings == ()
    chunks = post(base_url, rendered.body, size)
    if not stream:
        return FORMAT.parse_response(b"".join(chunks), Dialect())
    parser = FORMAT.stream_parser(Dialect())
    events = [event for chunk in chunks for event in parser.feed(chunk)] + parser.close()
    assert isinstance(events[-1], Finish)
    return accumulate(events)


def check(seen: Completion, theirs: Any) -> None:
    choice = theirs.choices[0]
    assert seen.text == (choice.message.content or "")
    assert seen.raw_finish_reason == choice.finish_reason
    assert [(c.name, c.arguments) for c in seen.tool_calls] == [
        (c.function.name, c.function.arguments) for c in choice.message.tool_calls or []
    ]
    assert seen.usage is not None
    assert seen.usage.completion_tokens == theirs.usage.completion_tokens
    assert seen.usage.prompt_tokens == theirs.usage.prompt_tokens


@pytest.mark.parametrize("name", REQUESTS)
def test_llama_cpp_is_understood_whole_and_streamed(llama_server: LlamaServer, name: str) -> None:
    request = REQUESTS[name]
    if name == "tool":
        extra = {"logit_bias": llama_server.tool_bias}
        fields = {field: getattr(request, field) for field in request.__struct_fields__}
        request = ChatRequest(**{**fields, "extra": extra})
    body = json.loads(FORMAT.render_request(request, "m", Dialect()).body)
    with openai.OpenAI(base_url=llama_server.base_url, api_key="any", max_retries=0) as client:
        theirs = client.chat.completions.with_raw_response.create(**known(body)).parse()
    check(ask(llama_server.base_url, request, stream=False), theirs)
    for size in (1, 4096):
        check(ask(llama_server.base_url, request, stream=True, size=size), theirs)


def known(body: dict[str, Any]) -> dict[str, Any]:
    """Give the client its own arguments; it refuses others by name."""
    return {name: value for name, value in body.items() if name != "top_k"}


def test_llama_cpp_says_that_a_prompt_is_too_long(llama_server: LlamaServer) -> None:
    long = ChatRequest(model="m", messages=(user("word " * 3000),))
    error = refused(llama_server.base_url, FORMAT.render_request(long, "m", Dialect()).body)
    assert isinstance(error, ContextOverflow)
    assert error.upstream_status == 400


def refused(base_url: str, body: bytes) -> UpstreamError:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(base_url, body, 4096)
    with caught.value as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return FORMAT.parse_error(answer.status, headers, answer.read())


ANSWERS: dict[str, dict[str, Any]] = {
    "plain text": {"content": "Hello, wörld 🌍!"},
    "two tools": {
        "toolCalls": [
            {"name": "f", "arguments": '{"x":1}'},
            {"name": "g", "arguments": "{}"},
        ]
    },
    "a thought": {"content": "42", "reasoning": "Let me think."},
    "cut off": {"content": "Hel", "finishReason": "length"},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_aimock_is_understood_whole_and_streamed(aimock_server: AimockServer, name: str) -> None:
    aimock_server.answer(name, ANSWERS[name], chunkSize=2)
    request = ChatRequest(model="m", messages=(user(name),))
    whole = ask(aimock_server.base_url, request, stream=False)
    streamed = ask(aimock_server.base_url, request, stream=True)
    for seen in (whole, streamed):
        assert seen.text == ANSWERS[name].get("content", "")
        assert seen.reasoning == ANSWERS[name].get("reasoning", "")
        assert [(c.name, c.arguments) for c in seen.tool_calls] == [
            (call["name"], call["arguments"]) for call in ANSWERS[name].get("toolCalls", [])
        ]
    assert streamed.finish_reason == whole.finish_reason
    assert streamed.usage == whole.usage


def test_errors_of_aimock_are_classified(aimock_server: AimockServer) -> None:
    error = {"message": "The model `x` does not exist", "code": "model_not_found"}
    aimock_server.answer("missing", {"error": error, "status": 404})
    request = ChatRequest(model="m", messages=(user("missing"),))
    seen = refused(aimock_server.base_url, FORMAT.render_request(request, "m", Dialect()).body)
    assert isinstance(seen, NotFound)
    assert seen.upstream_code == "model_not_found"
