"""Ollama as it speaks itself: judged by its own client, and against a server that mimics it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dragoman.errors import (
    BadRequest,
    ContextOverflow,
    NotFound,
    Overloaded,
    ProtocolError,
    StreamTruncated,
    Unsupported,
)
from tests.adapters.native import Judged, ask_sdk, in_json, in_lines, judge, mimicked, read_cases
from tests.library.asking import Asker, configure
from tests.server.serving import Served
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import Answer, FaultUpstream

CASES = read_cases("ollama")
REQUESTS, ANSWERS = CASES["requests"], CASES["answers"]
DONE = {"model": "llama3.2", "message": {"role": "assistant", "content": "Hi"}, "done": True,
        "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 1}  # fmt: skip
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
INNER = json.dumps(
    {
        "error": {
            "code": 400,
            "message": "request (8889 tokens) exceeds the available context size (4096 tokens)",
            "type": "exceed_context_size_error",
        }
    }
)
Start = Callable[..., FaultUpstream]
Make = Callable[..., Judged]


@pytest.fixture
def ask(kind: str, upstream: Start) -> Make:
    """Ask the built-in provider at a server that answers like this."""

    return partial(judge, kind, upstream, "ollama-native")


# -- what is said


@pytest.mark.parametrize("case", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_what_ollama_s_own_client_sends(
    ask: Make, upstream: Start, kind: str, case: dict[str, Any]
) -> None:
    asker = ask(in_json(DONE))
    answer = asker.chat("p/llama3.2", **case["ask"])
    ours = asker.sent
    assert ours.pop("truncate") is False  # which its client cannot say
    assert ours == case["body"]
    assert answer.warnings == ()
    if kind == "sync":
        judge = upstream(in_json(DONE))
        ask_sdk("ollama", judge, chat=case["body"])
        theirs = judge.requests[0].json()
        assert without_defaults(theirs) == without_defaults(known(case["body"]))
        assert judge.requests[0].path == asker.server.requests[0].path


def known(body: dict[str, Any]) -> dict[str, Any]:
    """What its client 0.6 says of a body: ids of calls are newer, and it leaves out empty text."""
    copied: dict[str, Any] = json.loads(json.dumps(body))
    for message in copied["messages"]:
        message.pop("tool_call_id", None)
        if message["content"] == "":
            del message["content"]
        for call in message.get("tool_calls", ()):
            call.pop("id")
    return copied


def without_defaults(body: dict[str, Any]) -> dict[str, Any]:
    """Leave out what its client sends empty: no tools."""
    return {name: value for name, value in body.items() if value not in ([], None)}


@pytest.mark.parametrize(
    "base_url", ["{}", "{}/", "{}/v1", "{}/api"], ids=["bare", "slash", "v1", "api"]
)
def test_any_of_its_base_urls_will_do(ask: Make, upstream: Start, kind: str, base_url: str) -> None:
    server = upstream(in_json(DONE))
    table = {"preset": "ollama-native", "base_url": base_url.format(server.url)}
    Asker(kind, configure({"p": table})).chat("p/llama3.2")
    assert server.requests[0].path == "/api/chat"


def test_the_context_can_be_set_where_a_provider_is(ask: Make) -> None:
    asker = ask(
        in_json(DONE),
        options={"num_ctx": "32768", "temperature": "0.1", "keep_alive": "1h", "truncate": "true"},
    )
    asker.chat("p/llama3.2", temperature=0.9)
    body = asker.sent
    assert body["options"] == {"num_ctx": 32768, "temperature": 0.9}
    assert (body["keep_alive"], body["truncate"]) == ("1h", True)


def test_the_context_can_be_set_for_a_model(ask: Make) -> None:
    models = [{"id": "big", "body": {"options": {"num_ctx": 65536}}}, "small"]
    asker = ask(in_json(DONE), options={"num_ctx": "4096"}, models=models)
    asker.chat("p/big", max_tokens=5)
    assert asker.sent["options"] == {"num_ctx": 65536, "num_predict": 5}
    asker.chat("p/small", max_tokens=5)
    assert asker.sent["options"] == {"num_ctx": 4096, "num_predict": 5}


def test_ollama_host_counts(upstream: Start, kind: str) -> None:
    server = upstream(in_json(DONE))
    env = {"OLLAMA_HOST": server.url.removeprefix("http://")}
    answer = Asker(kind, configure({}, env=env), env).chat("ollama-native/llama3.2")
    assert answer.text == "Hi"


@pytest.mark.parametrize(
    ("model", "effort", "think"),
    [
        ("qwen3", "low", True),
        ("qwen3", "none", False),
        ("gpt-oss:20b", "minimal", "low"),
        ("gpt-oss:20b", "high", "high"),
        ("gpt-oss:20b", "none", "low"),
    ],
)
def test_how_much_to_think_is_said_as_the_model_takes_it(
    ask: Make, model: str, effort: str, think: Any
) -> None:
    asker = ask(in_json({**DONE, "model": model}))
    asker.chat(f"p/{model}", reasoning=effort)
    assert asker.sent["think"] == think


def test_what_it_cannot_be_told_is_reported(ask: Make) -> None:
    asker = ask(in_json(DONE))
    answer = asker.chat("p/llama3.2", tools=[TOOL], tool_choice="required", user="me")
    told = " ".join(answer.warnings)
    for name in ("tool_choice", "user"):
        assert name in told


def test_no_tools_are_offered_where_none_may_be_called(ask: Make) -> None:
    asker = ask(in_json(DONE))
    answer = asker.chat("p/llama3.2", tools=[TOOL], tool_choice="none")
    assert "tools" not in asker.sent
    assert answer.warnings == ()


def test_a_picture_elsewhere_is_refused(ask: Make) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}
    with pytest.raises(Unsupported, match="not by their URL"):
        ask(in_json(DONE)).chat("p/llava", [{"role": "user", "content": [picture]}])


# -- what is answered


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("sizes", [(1,), (60,), (10_000,)])
def test_a_stream_says_what_ollama_s_own_client_hears(
    ask: Make, upstream: Start, kind: str, name: str, sizes: tuple[int, ...]
) -> None:
    lines = in_lines(ANSWERS[name])
    streamed = ask(lines.paced(*sizes)).stream("p/llama3.2")
    assert streamed.error is None
    completion = streamed.completion
    if kind == "async" or sizes != (60,):
        heard = ANSWERS[name]
    else:
        chat = {"model": "llama3.2", "messages": [], "stream": True}
        heard = ask_sdk("ollama", upstream(lines), chat=chat)
    messages = [line["message"] for line in heard]
    assert completion.text == "".join(m.get("content") or "" for m in messages)
    assert completion.reasoning == "".join(m.get("thinking") or "" for m in messages)
    calls = [call["function"] for m in messages for call in m.get("tool_calls") or ()]
    assert [(c.name, json.loads(c.arguments)) for c in completion.tool_calls] == [
        (call["name"], call["arguments"]) for call in calls
    ]
    usage = completion.usage
    assert usage is not None
    assert usage.prompt_tokens == heard[-1]["prompt_eval_count"]
    assert usage.completion_tokens == heard[-1]["eval_count"]
    assert completion.finish_reason == ("tool_calls" if calls else heard[-1]["done_reason"])


def test_its_own_ids_of_calls_are_kept_and_missing_ones_made(ask: Make) -> None:
    kept = ask(in_lines(ANSWERS["two-calls"])).stream("p/llama3.2").completion
    assert [call.id for call in kept.tool_calls] == ["call_a", "call_b"]
    bare = [{"function": {"name": "weather", "arguments": {}}}] * 2
    line = {**DONE, "message": {"role": "assistant", "content": "", "tool_calls": bare}}
    made = ask(in_json(line)).chat("p/llama3.2")
    assert len({call.id for call in made.tool_calls}) == 2


@pytest.mark.parametrize(
    ("status", "said", "kind_of_error"),
    [
        (404, "model 'x' not found", NotFound),
        (400, '"x" does not support tools', BadRequest),
        (503, "server busy, please try again.  maximum pending requests exceeded", Overloaded),
        (
            400,
            INNER,
            ContextOverflow,
        ),
        (400, "the input length exceeds the context length", ContextOverflow),
    ],
)
def test_its_errors_are_ours(
    ask: Make, status: int, said: str, kind_of_error: type[Exception]
) -> None:
    with pytest.raises(kind_of_error) as caught:
        ask(in_json({"error": said}, status)).chat("p/llama3.2", retries=0)
    assert "{" not in str(caught.value)
    if kind_of_error is NotFound:
        assert "ollama pull llama3.2" in str(getattr(caught.value, "hint", ""))


def test_an_error_in_the_middle_is_one(ask: Make) -> None:
    lines = [*ANSWERS["text-after-thought"][:3], {"error": "an error was encountered"}]
    streamed = ask(in_lines(lines)).stream("p/llama3.2")
    assert "an error was encountered" in str(streamed.error)
    assert streamed.completion.text == "It is "


def test_a_stream_that_stops_before_it_is_done_is_no_answer(ask: Make) -> None:
    streamed = ask(in_lines(ANSWERS["text-after-thought"][:3])).stream("p/llama3.2")
    assert isinstance(streamed.error, StreamTruncated)


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b'{"message": 1, "done": true}', b'{"message": {"content": 7}, "done": true}',
        b'{"message": {"tool_calls": [3]}}', b'{"message": {"content": "x"}}', b"nonsense",
    ],
)  # fmt: skip
def test_nonsense_is_an_error_of_the_upstream_s(ask: Make, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        ask(Answer(body=body)).chat("p/llama3.2", retries=0)


# -- vectors, the gateway, a server that mimics it


def test_vectors_come_from_its_own_endpoint(upstream: Start, kind: str) -> None:
    vectors = {"model": "m", "embeddings": [[0.5, 1], [0.25, 2.0]], "prompt_eval_count": 4}
    server = upstream(in_json(vectors))
    asker = Asker(kind, configure({"p": {"preset": "ollama-native", "base_url": server.url}}))
    answer = asker.embed("p/m", ["a", "b"], dimensions=2)
    assert server.requests[0].path == "/api/embed"
    assert server.requests[0].json() == {
        "model": "m", "input": ["a", "b"], "dimensions": 2, "truncate": False,
    }  # fmt: skip
    assert answer.vectors == ((0.5, 1.0), (0.25, 2.0))
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4
    heard = ask_sdk("ollama", server, embed={"model": "m", "input": ["a", "b"]})
    assert heard[0]["embeddings"] == [[0.5, 1.0], [0.25, 2.0]]


def test_the_gateway_takes_its_options_from_any_client(upstream: Start) -> None:
    server = upstream(in_lines(ANSWERS["text-after-thought"]))
    with Served({"p": {"preset": "ollama-native", "base_url": server.url}}) as served:
        chunks = served.openai().chat.completions.create(
            model="p/llama3.2",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            extra_body={"options": {"num_ctx": 16384}},
        )
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        warnings = served.seen.wait().warnings
    assert said == "It is sunny."
    assert server.requests[0].json()["options"] == {"num_ctx": 16384}
    assert not any("options" in warning for warning in warnings)


@pytest.mark.parametrize("way", ["chat", "stream"])
def test_a_server_that_mimics_it_is_answered(
    aimock_server: AimockServer, kind: str, way: str
) -> None:
    aimock_server.reset()
    aimock_server.answer("weather", {"toolCalls": [{"name": "weather", "arguments": '{"a": 1}'}]})
    aimock_server.answer("hello", {"content": "Hello there, you."}, chunkSize=4)
    asker = mimicked(kind, aimock_server, "ollama-native")
    assert asker.complete(way, "p/llama3.2", "hello").text == "Hello there, you."
    (call,) = asker.complete(way, "p/llama3.2", "the weather?", tools=[TOOL]).tool_calls
    assert (call.name, json.loads(call.arguments)) == ("weather", {"a": 1})
    assert {entry["path"] for entry in aimock_server.requests()} == {"/api/chat"}
