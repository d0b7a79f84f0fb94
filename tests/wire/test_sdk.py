"""The official client reads what we write: whole, streamed, and as errors, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest

from dragoman import errors
from dragoman.types import Dialect, Usage
from dragoman.types.completion import Completion
from dragoman.types.event import Failure, Finish, PartDelta, PartStart, Start
from dragoman.types.message import Media, Reasoning, Refusal, Text, ToolCall
from dragoman.wire import get_format
from dragoman.wire.whole import accumulate, events_of
from tests.wire import golden

FORMAT = get_format("openai-completions")
Serve = Callable[[int, bytes, str], openai.OpenAI]
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Answer every request on loopback: `serve(status, body, content_type)` gives a client."""
    answer: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # heads and bodies are written apart

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            answer["asked"] = json.loads(self.rfile.read(length))
            self.send_response(answer["status"])
            self.send_header("content-type", answer["type"])
            self.send_header("content-length", str(len(answer["body"])))
            self.end_headers()
            self.wfile.write(answer["body"])

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"

    with openai.OpenAI(api_key="k", base_url=base_url, max_retries=0) as client:

        def start(status: int, body: bytes, content_type: str) -> openai.OpenAI:
            answer.update(status=status, body=body, type=content_type)
            return client

        yield start
    server.shutdown()
    thread.join()
    server.server_close()


COMPLETION = Completion(
    id="msg_1",
    model="asked/model",
    created=1760000000,
    parts=(
        Reasoning("Let me think."),
        Text("Hello 🌍"),
        ToolCall("call_a", "f", '{"x": 1.0}'),
        ToolCall("call_b", "g", "{}"),
    ),
    finish_reason="tool_calls",
    usage=Usage(10, 5, cache_read_tokens=4, reasoning_tokens=3),
)


def check(answer: Any, expected: Completion) -> None:
    choice = answer.choices[0]
    assert choice.finish_reason == expected.finish_reason
    assert (choice.message.content or "") == expected.text
    assert choice.message.refusal == expected.refusal
    calls = choice.message.tool_calls or []
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [
        (call.id, call.name, call.arguments) for call in expected.tool_calls
    ]
    assert (answer.id, answer.model) == (expected.id, expected.model)
    if expected.usage is not None:
        usage = answer.usage
        assert usage.prompt_tokens == expected.usage.prompt_tokens
        assert usage.completion_tokens == expected.usage.completion_tokens
        assert usage.total_tokens == expected.usage.total_tokens
        read = usage.prompt_tokens_details.cached_tokens
        assert read == (expected.usage.cache_read_tokens or 0)


REFUSED = Completion(
    id="1", model="m", parts=(Refusal("I can't."),), finish_reason="stop", usage=Usage(1, 1)
)
EMPTY = Completion(id="1", model="m", parts=(), finish_reason="stop", usage=Usage(1, 0))
PICTURE = Completion(
    id="1",
    model="m",
    parts=(Text("Here."), Media(kind="image", media_type="image/png", data="AAAA")),
    finish_reason="stop",
)


@pytest.mark.parametrize("completion", [COMPLETION, REFUSED, EMPTY, PICTURE])
def test_a_whole_answer_is_read(serve: Serve, completion: Completion) -> None:
    body = FORMAT.render_response(completion).body
    answer = serve(200, body, "application/json").chat.completions.create(**ASKED)
    check(answer, completion)
    openai.types.chat.ChatCompletion.model_validate(json.loads(body), strict=False)


@pytest.mark.parametrize("completion", [COMPLETION, REFUSED, EMPTY, PICTURE])
def test_a_streamed_answer_is_read(serve: Serve, completion: Completion) -> None:
    renderer = FORMAT.stream_renderer(completion.model or "")
    body = b"".join(renderer.render(event) for event in events_of(completion))
    client = serve(200, body, "text/event-stream")
    with client.chat.completions.stream(**ASKED, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion()
    check(answer, completion)


@pytest.mark.parametrize("name", golden.names(FORMAT.name, ".sse"))
def test_every_golden_stream_written_anew_is_read(serve: Serve, name: str) -> None:
    spoken = golden.dialect(golden.expected(FORMAT.name, f"{name}.events.json"))
    parser = FORMAT.stream_parser(spoken)
    events = parser.feed(golden.read(FORMAT.name, f"{name}.sse")) + parser.close()
    renderer = FORMAT.stream_renderer("m")
    body = b"".join(renderer.render(event) for event in events)
    client = serve(200, body, "text/event-stream")
    stream = client.chat.completions.create(**ASKED, stream=True)
    if isinstance(events[-1], Failure):
        assert b"[DONE]" not in body
        with pytest.raises(openai.APIError) as caught:
            list(stream)
        assert caught.value.message
        return
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == accumulate(events).text
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] is not None
    if b'"error"' in body or b'"custom"' in body:
        return  # the reason is no word of OpenAI's; its types know no custom calls in streams
    for data in body.split(b"\n\n")[:-2]:
        openai.types.chat.ChatCompletionChunk.model_validate(
            json.loads(data.removeprefix(b"data: "))
        )


def test_a_stream_without_usage_says_none(serve: Serve) -> None:
    renderer = FORMAT.stream_renderer("m", include_usage=False)
    body = b"".join(renderer.render(event) for event in events_of(COMPLETION))
    chunks = list(
        serve(200, body, "text/event-stream").chat.completions.create(**ASKED, stream=True)
    )
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_an_error_in_mid_stream_reaches_the_caller(serve: Serve) -> None:
    renderer = FORMAT.stream_renderer("m")
    events = [
        Start("1", "m", 1),
        PartStart(0, Text("")),
        PartDelta(0, "text", "Hel"),
        Failure(errors.Timeout("idle", 120)),
    ]
    body = b"".join(renderer.render(event) for event in events)
    stream = serve(200, body, "text/event-stream").chat.completions.create(**ASKED, stream=True)
    read = []
    with pytest.raises(openai.APIError, match="silent for 120 s") as caught:
        read.extend(chunk.choices[0].delta.content for chunk in stream)
    assert caught.value.code == "idle_timeout"


def test_a_refusal_without_words_is_no_empty_stop(serve: Serve) -> None:
    renderer = FORMAT.stream_renderer("m")
    body = b"".join(renderer.render(event) for event in (Start("1"), Finish("refusal", "refusal")))
    chunks = list(
        serve(200, body, "text/event-stream").chat.completions.create(**ASKED, stream=True)
    )
    assert chunks[-1].choices[0].finish_reason == "content_filter"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.InvalidRequest("x", param="n"), openai.BadRequestError),
        (errors.Unauthorized("x"), openai.AuthenticationError),
        (errors.Forbidden("x"), openai.PermissionDeniedError),
        (errors.UnknownModel("x"), openai.NotFoundError),
        (errors.LimitExceeded("x"), openai.RateLimitError),
        (errors.ServerError("x"), openai.InternalServerError),
        (errors.Timeout("total", 9), openai.InternalServerError),
    ],
)
def test_errors_become_the_clients_own(
    serve: Serve, error: errors.DragomanError, kind: type[openai.APIStatusError]
) -> None:
    status, body = FORMAT.render_error(error)
    client = serve(status, body, "application/json")
    with pytest.raises(kind) as caught:
        client.chat.completions.create(**ASKED)
    assert caught.value.code == error.code
    assert caught.value.param == json.loads(body)["error"]["param"]


def test_what_the_client_sends_is_read(serve: Serve) -> None:
    """The body of the official client, tools and schema included, survives our reading of it."""
    sent: dict[str, Any] = {}
    client = serve(200, FORMAT.render_response(COMPLETION).body, "application/json")

    def keep(request: Any) -> None:
        sent["body"] = request.content

    client._client.event_hooks["request"].append(keep)
    client.chat.completions.create(
        model="m",
        messages=[
            {"role": "developer", "content": "d"},
            {"role": "user", "content": [{"type": "text", "text": "a"}]},
        ],
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        tool_choice="required",
        temperature=0.7,
        reasoning_effort="low",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        extra_body={"top_k": 4},
    )
    request = FORMAT.parse_request(sent["body"])
    rendered = FORMAT.render_request(request, "m", Dialect(system_role="developer"))
    before = json.loads(sent["body"])
    before["messages"][1]["content"] = "a"
    assert json.loads(rendered.body) == before
