"""Servers that nobody here wrote: we send what they take, and write anew what they say."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.errors import ContextOverflow, NotFound, UpstreamError
from dragoman.types import (
    ChatRequest,
    Completion,
    Dialect,
    Finish,
    JsonSchema,
    Message,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    assistant,
    system,
    user,
)
from dragoman.wire.bridge import Relay, Translate
from dragoman.wire.whole import accumulate
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import FaultUpstream
from tests.upstream.llama import LlamaServer
from tests.wire.openai_responses.judge import ASKED, FORMAT, client_of, events_answer, frames
from tests.wire.openai_responses.test_sdk import check_sequence

StartUpstream = Callable[..., FaultUpstream]

TOOL = Tool("f", "Do it.", {"type": "object", "properties": {"x": {"type": "integer"}}})
LONG_HISTORY = (
    system("Be brief."),
    user("Look."),
    assistant(
        Reasoning("Hm.", {"anthropic-messages": {"signature": "sig"}}),
        "I look.",
        ToolCall("call_1", "f", '{"x":1}'),
        ToolCall("call_2", "f", '{"x":2}'),
    ),
    Message("tool", (ToolResult("call_2", (Text("two"),)), ToolResult("call_1", is_error=True))),
    assistant("Done.", Refusal("No more.")),
    Message("developer", (Text("Go on."),)),
    user("And?"),
)
REQUESTS: dict[str, dict[str, Any]] = {
    "text": {"max_tokens": 12},
    "a long history": {"messages": LONG_HISTORY, "max_tokens": 8, "tools": (TOOL,)},
    "tool": {"max_tokens": 300, "tools": (TOOL,), "tool_choice": ToolChoice("required")},
    "schema": {
        "max_tokens": 64,
        "output": JsonSchema(
            {"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]}
        ),
    },
}


def asked(stream: bool, **fields: Any) -> bytes:
    """Write a request of another format."""
    request = ChatRequest(
        model="m",
        messages=fields.pop("messages", (user("Hi"),)),
        stream=stream,
        format="anthropic-messages",
        **fields,
    )
    return FORMAT.render_request(request, "m", Dialect()).body


def post(base_url: str, body: bytes, size: int = 1 << 20) -> list[bytes]:
    headers = {"content-type": "application/json", "authorization": "Bearer any"}
    request = urllib.request.Request(f"{base_url}{FORMAT.path}", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return list(iter(lambda: answer.read(size), b""))


def ask(base_url: str, size: int | None, **fields: Any) -> Completion:
    """Ask for a whole answer, or for a stream in chunks of this size."""
    chunks = post(base_url, asked(size is not None, **fields), size or 1 << 20)
    if size is None:
        return FORMAT.parse_response(b"".join(chunks), Dialect())
    parser = FORMAT.stream_parser(Dialect())
    events = [event for chunk in chunks for event in parser.feed(chunk)] + parser.close()
    assert isinstance(events[-1], Finish)
    return accumulate(events)


@pytest.mark.parametrize("name", REQUESTS)
def test_llama_cpp_is_understood_whole_and_streamed(llama_server: LlamaServer, name: str) -> None:
    fields = dict(REQUESTS[name])
    if name == "tool":
        bias = {"logit_bias": llama_server.tool_bias}
        body = json.loads(asked(False, **fields)) | bias
        whole = FORMAT.parse_response(
            b"".join(post(llama_server.base_url, json.dumps(body).encode())), Dialect()
        )
        body["stream"] = True
        parser = FORMAT.stream_parser(Dialect())
        chunks = post(llama_server.base_url, json.dumps(body).encode(), 7)
        events = [event for chunk in chunks for event in parser.feed(chunk)] + parser.close()
        seen = [accumulate(events)]
        assert whole.finish_reason == "tool_calls"
        assert all(json.loads(call.arguments).keys() <= {"x"} for call in whole.tool_calls)
    else:
        whole = ask(llama_server.base_url, None, **fields)
        seen = [ask(llama_server.base_url, size, **fields) for size in (1, 4096)]
    assert whole.parts
    assert whole.usage is not None
    for streamed in seen:
        assert streamed.text == whole.text
        assert [(c.name, c.arguments) for c in streamed.tool_calls] == [
            (c.name, c.arguments) for c in whole.tool_calls
        ]
        assert streamed.finish_reason == whole.finish_reason
        assert streamed.usage is not None
        assert streamed.usage.completion_tokens == whole.usage.completion_tokens


def test_the_sdk_takes_llama_cpps_stream_when_we_have_written_it_anew(
    llama_server: LlamaServer, upstream: StartUpstream
) -> None:
    chunks = post(llama_server.base_url, asked(True, max_tokens=12), 100)
    renderer = FORMAT.stream_renderer("asked")
    bridge = Translate(FORMAT, Dialect(), renderer, created=1760000000)
    body = b"".join(out for chunk in chunks for out in bridge.feed(chunk))
    body += b"".join(bridge.close())
    check_sequence(frames(body))
    with (
        client_of(upstream(events_answer(body))) as client,
        client.responses.stream(**ASKED) as stream,
    ):
        final = stream.get_final_response()
    assert final.output_text == accumulate_all(chunks).text
    assert (final.model, final.created_at) == ("asked", 1760000000)


def accumulate_all(chunks: list[bytes]) -> Completion:
    parser = FORMAT.stream_parser(Dialect())
    return accumulate([e for chunk in chunks for e in parser.feed(chunk)] + parser.close())


def test_llama_cpps_stream_is_relayed_byte_for_byte(llama_server: LlamaServer) -> None:
    chunks = post(llama_server.base_url, asked(True, max_tokens=12), 33)
    bridge = Relay(FORMAT, Dialect(), "m")
    out = b"".join(out for chunk in chunks for out in bridge.feed(chunk))
    assert out + b"".join(bridge.close()) == b"".join(chunks)
    assert bridge.committed
    assert bridge.usage is not None
    assert bridge.usage == accumulate_all(chunks).usage


def refused(base_url: str, body: bytes) -> UpstreamError:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(base_url, body)
    with caught.value as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return FORMAT.parse_error(answer.status, headers, answer.read())


def test_llama_cpp_says_that_a_prompt_is_too_long(llama_server: LlamaServer) -> None:
    error = refused(llama_server.base_url, asked(False, messages=(user("word " * 3000),)))
    assert isinstance(error, ContextOverflow)
    assert error.upstream_status == 400


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
    whole = ask(aimock_server.base_url, None, messages=(user(name),))
    streamed = ask(aimock_server.base_url, 7, messages=(user(name),))
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
    seen = refused(aimock_server.base_url, asked(False, messages=(user("missing"),)))
    assert isinstance(seen, NotFound)
    assert seen.upstream_code == "model_not_found"
