"""Cohere as it speaks itself: judged by its own SDK, and against a server that mimics it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dragoman.errors import (
    AuthFailed,
    ContentFiltered,
    ContextOverflow,
    ProtocolError,
    RateLimited,
    StreamTruncated,
    Unsupported,
)
from tests.adapters.native import Judged, ask_sdk, in_events, in_json, judge, mimicked, read_cases
from tests.library.asking import Asker, configure
from tests.server.serving import Served
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import FaultUpstream

CASES = read_cases("cohere")
REQUESTS, ANSWERS = CASES["requests"], CASES["answers"]
SHORT = ANSWERS["cut-short"]["whole"]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("weather", "time")
]
Start = Callable[..., FaultUpstream]
Make = Callable[..., Judged]


@pytest.fixture
def ask(kind: str, upstream: Start) -> Make:
    """Ask the built-in provider at a server that answers like this."""

    return partial(judge, kind, upstream, "cohere-native", api_key="any")


# -- what is said


@pytest.mark.parametrize("case", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_what_cohere_s_own_sdk_sends(
    ask: Make, upstream: Start, kind: str, case: dict[str, Any]
) -> None:
    asker = ask(in_json(SHORT))
    answer = asker.chat("p/command-a", **case["ask"])
    assert asker.sent == case["body"]
    assert answer.warnings == ()
    request = asker.server.requests[0]
    assert (request.path, request.header("authorization")) == ("/v2/chat", "Bearer any")
    if kind == "sync":
        judge = upstream(in_json(SHORT))
        ask_sdk("cohere", judge, chat=case["body"])
        assert judge.requests[0].json() == case["body"]
        assert judge.requests[0].path == request.path
        assert judge.requests[0].header("authorization") == "Bearer any"


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v2", "/compatibility/v1"])
def test_any_of_its_base_urls_will_do(upstream: Start, kind: str, path: str) -> None:
    server = upstream(in_json(SHORT))
    table = {"preset": "cohere-native", "base_url": server.url + path, "api_key": "any"}
    Asker(kind, configure({"p": table})).chat("p/command-a")
    assert server.requests[0].path == "/v2/chat"


@pytest.mark.parametrize(
    ("choice", "offered", "said"),
    [
        ("auto", ["weather", "time"], None),
        ("none", ["weather", "time"], "NONE"),
        ({"type": "function", "function": {"name": "time"}}, ["time"], "REQUIRED"),
    ],
)
def test_the_choice_of_a_tool_is_said_by_what_is_offered(
    ask: Make, choice: Any, offered: list[str], said: str | None
) -> None:
    asker = ask(in_json(SHORT))
    asker.chat("p/command-a", tools=TOOLS, tool_choice=choice)
    assert [tool["function"]["name"] for tool in asker.sent["tools"]] == offered
    assert asker.sent.get("tool_choice") == said


def test_plans_and_thoughts_go_back_to_where_they_came_from(ask: Make) -> None:
    asker = ask(in_json(ANSWERS["a-plan-and-two-calls"]["whole"]))
    first = asker.chat("p/command-a", "weather?", tools=TOOLS)
    asker.chat("p/command-a", [{"role": "user", "content": "weather?"}, first.message], tools=TOOLS)
    echoed = asker.sent["messages"][-1]
    assert echoed["tool_plan"] == "I will look both up."
    assert "content" not in echoed
    thought = ask(in_json(ANSWERS["thought-text-and-citations"]["whole"]))
    second = thought.chat("p/command-a", "weather?")
    thought.chat("p/command-a", [{"role": "user", "content": "weather?"}, second.message])
    assert thought.sent["messages"][-1]["content"] == [
        {"type": "thinking", "thinking": "Let me see."},
        {"type": "text", "text": "It is sunny."},
    ]


def test_what_it_cannot_be_told_is_reported_or_refused(ask: Make) -> None:
    asker = ask(in_json(SHORT))
    answer = asker.chat("p/command-a", user="me", parallel_tool_calls=False)
    assert {warning.partition(" ")[0] for warning in answer.warnings} == {
        "user", "parallel_tool_calls",
    }  # fmt: skip
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    with pytest.raises(Unsupported, match="takes no audio"):
        asker.chat("p/command-a", [{"role": "user", "content": [sound]}])


# -- what is answered


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("way", ["chat", "stream"])
def test_an_answer_says_what_cohere_s_own_sdk_hears(
    ask: Make, upstream: Start, kind: str, name: str, way: str
) -> None:
    case, said = ANSWERS[name], ANSWERS[name]["said"]
    script = in_json(case["whole"]) if way == "chat" else in_events(case["stream"]).paced(7, 50)
    completion = ask(script).complete(way, "p/command-a")
    assert (completion.text, completion.reasoning) == (said["text"], said["reasoning"])
    assert [[c.id, c.name, c.arguments] for c in completion.tool_calls] == said["calls"]
    assert completion.finish_reason == said["finish"]
    assert completion.id == case["whole"]["id"]
    usage = completion.usage
    assert usage is not None
    assert [usage.prompt_tokens, usage.completion_tokens] == said["tokens"]
    if kind == "sync":
        chat = {"model": "m", "messages": [], "stream": way == "stream"}
        heard = ask_sdk("cohere", upstream(script), chat=chat)
        assert hear(heard) == {key: said[key] for key in ("text", "reasoning", "calls")}


def hear(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Put together what the SDK understood, whole or in pieces."""
    text, reasoning, calls = "", "", dict[Any, list[str]]()
    for piece in pieces:
        message = piece.get("message") or (piece.get("delta") or {}).get("message") or {}
        content = message.get("content") or []
        for block in content if isinstance(content, list) else [content]:
            text += block.get("text") or ""
            reasoning += block.get("thinking") or ""
        reasoning += message.get("tool_plan") or ""
        found = message.get("tool_calls") or []
        for number, call in enumerate(found if isinstance(found, list) else [found]):
            key = piece.get("index", number)
            entry = calls.setdefault(key, ["", "", ""])
            entry[0] += call.get("id") or ""
            entry[1] += call["function"].get("name") or ""
            entry[2] += call["function"].get("arguments") or ""
    return {"text": text, "reasoning": reasoning, "calls": list(calls.values())}


@pytest.mark.parametrize("way", ["chat", "stream"])
def test_citations_of_pages_are_ours_and_others_are_kept(ask: Make, way: str) -> None:
    case = ANSWERS["thought-text-and-citations"]
    if way == "chat":
        completion: Any = ask(in_json(case["whole"])).chat("p/command-a")
        assert completion.meta["cohere"]["citations"][0]["sources"][0]["id"] == "d2"
    else:
        completion = ask(in_events(case["stream"])).stream("p/command-a").completion
    (citation,) = completion.parts[-1].citations
    assert (citation.url, citation.title) == ("https://lyon.example/", "Lyon")
    assert completion.text[citation.start : citation.end] == "sunny"
    assert completion.usage.cache_read_tokens == 12
    assert completion.meta["cohere"]["tokens"] == {"input_tokens": 120, "output_tokens": 9}


@pytest.mark.parametrize(
    ("status", "said", "kind_of_error"),
    [
        (401, "invalid api token", AuthFailed),
        (429, "You are using a Trial key, which is limited to 10 API calls / minute", RateLimited),
        (498, "blocked output", ContentFiltered),
        (
            400,
            "too many tokens: total number of tokens in the prompt cannot exceed 4081",
            ContextOverflow,
        ),
    ],
)
def test_its_errors_are_ours(
    ask: Make, status: int, said: str, kind_of_error: type[Exception]
) -> None:
    with pytest.raises(kind_of_error, match=said[:20]):
        ask(in_json({"id": "x", "message": said}, status)).chat("p/command-a", retries=0)


def test_an_error_at_the_end_of_a_stream_is_one(ask: Make) -> None:
    events = ANSWERS["cut-short"]["stream"][:3]
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "out of memory"}}
    streamed = ask(in_events([*events, end])).stream("p/command-a")
    assert "out of memory" in str(streamed.error)
    assert streamed.completion.text == "Once upon"
    cut = ask(in_events(events)).stream("p/command-a")
    assert isinstance(cut.error, StreamTruncated)


@pytest.mark.parametrize(
    "body",
    [
        [], {"message": "hi"}, {"message": {"content": [{"type": "text", "text": 1}]}},
        {"message": {"tool_calls": [{"id": {}, "function": {"name": "x"}}]}},
    ],
)  # fmt: skip
def test_nonsense_is_an_error_of_the_upstream_s(ask: Make, body: Any) -> None:
    with pytest.raises(ProtocolError):
        ask(in_json(body)).chat("p/command-a", retries=0)


# -- vectors, the gateway, a server that mimics it


def test_vectors_come_from_its_own_endpoint(upstream: Start, kind: str) -> None:
    found = {
        "id": "e", "response_type": "embeddings_by_type", "texts": ["a", "b"],
        "embeddings": {"float": [[0.5, 1], [0.25, 2.0]]},
        "meta": {"billed_units": {"input_tokens": 4}},
    }  # fmt: skip
    server = upstream(in_json(found))
    table = {"preset": "cohere-native", "base_url": server.url, "api_key": "any"}
    answer = Asker(kind, configure({"p": table})).embed("p/embed-v4.0", ["a", "b"], dimensions=2)
    assert server.requests[0].path == "/v2/embed"
    assert answer.vectors == ((0.5, 1.0), (0.25, 2.0))
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4
    ours = server.requests[0].json()
    assert ours["output_dimension"] == 2
    heard = ask_sdk("cohere", server, embed=ours)
    assert server.requests[1].json() == ours
    assert heard[0]["embeddings"]["float"] == [[0.5, 1.0], [0.25, 2.0]]


def test_the_gateway_takes_documents_from_any_client(upstream: Start) -> None:
    case = ANSWERS["thought-text-and-citations"]
    server = upstream(in_events(case["stream"]))
    table = {"preset": "cohere-native", "base_url": server.url, "api_key": "any"}
    with Served({"p": table}) as served:
        chunks = served.openai().chat.completions.create(
            model="p/command-a",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            extra_body={"documents": ["It is sunny."]},
        )
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == "It is sunny."
    assert server.requests[0].json()["documents"] == ["It is sunny."]


@pytest.mark.parametrize("way", ["chat", "stream"])
def test_a_server_that_mimics_it_is_answered(
    aimock_server: AimockServer, kind: str, way: str
) -> None:
    aimock_server.reset()
    aimock_server.answer("weather", {"toolCalls": [{"name": "weather", "arguments": '{"a": 1}'}]})
    usage = {"input_tokens": 3, "output_tokens": 4}
    aimock_server.answer("hello", {"content": "Hello there, you.", "usage": usage}, chunkSize=4)
    asker = mimicked(kind, aimock_server, "cohere-native", api_key="any")
    greeting = asker.complete(way, "p/command-a", "hello")
    assert greeting.text == "Hello there, you."
    assert (greeting.usage.prompt_tokens, greeting.usage.completion_tokens) == (3, 4)
    (call,) = asker.complete(way, "p/command-a", "the weather?", tools=TOOLS).tool_calls
    assert (call.name, json.loads(call.arguments)) == ("weather", {"a": 1})
    assert {entry["path"] for entry in aimock_server.requests()} == {"/v2/chat"}
