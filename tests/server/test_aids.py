"""Abilities that a provider lacks, through the gateway: its clients of three languages see none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.types import Completion, Reasoning, Text
from dragoman.wire import get_format
from dragoman.wire.whole import events_of
from tests.server.serving import Served, ask
from tests.upstream.answers import EVENTS, JSON
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream, tool_calls

StartUpstream = Callable[..., FaultUpstream]
PROMPT: list[Any] = [{"role": "user", "content": "How is the weather?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
CALLED = 'Let me look.\n<tool_call>\n{"name": "look", "arguments": {"city": "Lyon"}}\n</tool_call>'
FORMATS = ["openai-completions", "openai-responses", "anthropic-messages"]
CLIENTS = ["chat", "responses", "messages"]


def speaking(name: str, *parts: Any) -> Callable[[Request], Answer]:
    """Answer in a wire format, streamed where it was asked for."""
    said = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    completion = Completion(parts=said, finish_reason="stop", id="r1", model="x", created=1)

    def answer(request: Request) -> Answer:
        if not request.json().get("stream"):
            body = get_format(name).render_response(completion).body
            return Answer(headers=(JSON,), body=body)
        renderer = get_format(name).stream_renderer("x")
        frames = b"".join(renderer.render(event) for event in events_of(completion))
        return Answer(headers=(EVENTS,), body=frames, framing="chunked")

    return answer


def ask_chat(gateway: Served, stream: bool, tools: bool) -> tuple[str, list[tuple[str, str]]]:
    """Ask with OpenAI's SDK; give the words and the calls."""
    function = {"type": "function", "function": {"name": "look", "parameters": CITY}}
    create = gateway.openai().chat.completions.create
    more: dict[str, Any] = {"tools": [function]} if tools else {}
    if not stream:
        message = create(model="a/x", messages=PROMPT, **more).choices[0].message
        calls = [(c.function.name, c.function.arguments) for c in message.tool_calls or ()]
        return message.content or "", calls
    words, named, given = "", [], ""
    for chunk in create(model="a/x", messages=PROMPT, stream=True, **more):
        for choice in chunk.choices:
            words += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                named += [call.function.name] if call.function.name else []
                given += call.function.arguments or ""
    return words, [(name, given) for name in named]


def ask_responses(gateway: Served, stream: bool, tools: bool) -> tuple[str, list[tuple[str, str]]]:
    function = {"type": "function", "name": "look", "parameters": CITY, "strict": False}
    client = gateway.openai()
    more: dict[str, Any] = {"tools": [function]} if tools else {}
    asked: dict[str, Any] = {"model": "a/x", "input": PROMPT, **more}
    if stream:
        with client.responses.stream(**asked) as events:
            answer: Any = events.get_final_response()
    else:
        answer = client.responses.create(**asked)
    calls = [(i.name, i.arguments) for i in answer.output if i.type == "function_call"]
    return answer.output_text, calls


def ask_messages(gateway: Served, stream: bool, tools: bool) -> tuple[str, list[tuple[str, str]]]:
    tool = {"name": "look", "input_schema": CITY}
    client = gateway.anthropic()
    more: dict[str, Any] = {"tools": [tool]} if tools else {}
    asked: dict[str, Any] = {"model": "a/x", "messages": PROMPT, "max_tokens": 99, **more}
    if stream:
        with client.messages.stream(**asked) as events:
            answer: Any = events.get_final_message()
    else:
        answer = client.messages.create(**asked)
    words = "".join(b.text for b in answer.content if b.type == "text")
    calls = [(b.name, json.dumps(b.input)) for b in answer.content if b.type == "tool_use"]
    return words, calls


ASK: dict[str, Callable[[Served, bool, bool], tuple[str, list[tuple[str, str]]]]] = {
    "chat": ask_chat,
    "responses": ask_responses,
    "messages": ask_messages,
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("api", FORMATS)
def test_emulated_tools_are_tools_to_every_client(
    serve: Any, upstream: StartUpstream, api: str, client: str, stream: bool
) -> None:
    server = upstream(speaking(api, CALLED))
    gateway = serve({"a": {"base_url": server.base_url, "api": api, "emulate": ["tools"]}})
    assert ASK[client](gateway, stream, True) == ("Let me look.", [("look", '{"city": "Lyon"}')])
    body = server.requests[0].json()
    assert "tools" not in body
    assert "<tool_call>" in json.dumps(body)
    assert "tools: described to the model in words (emulated)" in gateway.seen.wait().warnings


@pytest.mark.parametrize("client", CLIENTS)
def test_without_tools_in_the_request_nothing_is_emulated(
    serve: Any, upstream: StartUpstream, client: str
) -> None:
    server = upstream(speaking("openai-completions", CALLED))
    gateway = serve({"a": {"base_url": server.base_url, "emulate": ["tools", "schema"]}})
    assert ASK[client](gateway, True, False) == (CALLED, [])
    assert gateway.seen.wait().warnings == []


def test_bytes_are_relayed_where_there_is_nothing_to_emulate(
    serve: Any, upstream: StartUpstream
) -> None:
    odd = b'{"model": "a/x",  "messages": [{"role": "user", "content": "hi"}], "odd": 1e3}'
    server = upstream(chat("Hello"))
    gateway = serve({"a": {"base_url": server.base_url, "emulate": ["tools", "schema"]}})
    ask(f"{gateway.base_url}/chat/completions", odd)
    assert server.requests[0].body == odd.replace(b"a/x", b"x")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_emulated_schema_gives_json_to_the_openai_sdk(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    server = upstream(speaking("openai-completions", 'Sure!\n```json\n{"city": "Lyon"}\n```'))
    gateway = serve({"a": {"base_url": server.base_url, "emulate": "schema"}})
    shape = {"type": "json_schema", "json_schema": {"name": "c", "schema": CITY}}
    create = gateway.openai().chat.completions.create
    answer: Any = create(model="a/x", messages=PROMPT, response_format=shape, stream=stream)
    text = (
        "".join(c.delta.content or "" for chunk in answer for c in chunk.choices)
        if stream
        else answer.choices[0].message.content
    )
    assert text == '{"city": "Lyon"}'
    assert "response_format" not in server.requests[0].json()
    assert any("taken out of the text" in told for told in gateway.seen.wait().warnings)


def test_a_history_of_calls_goes_through_as_words(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat("It rains."))
    gateway = serve({"a": {"base_url": server.base_url, "emulate": ["tools"]}})
    gateway.anthropic().messages.create(
        model="a/x",
        max_tokens=99,
        tools=[{"name": "look", "input_schema": CITY}],
        messages=[
            *PROMPT,
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rain"}],
            },
        ],
    )
    messages = server.requests[0].json()["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[2]["content"] == '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>'
    assert "<tool_response>" in messages[3]["content"]


# -- tools that are refused


@pytest.mark.parametrize("client", CLIENTS)
def test_a_model_that_calls_no_tools_is_not_sent_any(
    serve: Any, upstream: StartUpstream, client: str
) -> None:
    server = upstream([])
    models = [{"id": "x", "tools": False}]
    gateway = serve({"a": {"base_url": server.base_url, "models": models}})
    with pytest.raises(Exception, match="a/x calls no tools") as raised:
        ASK[client](gateway, False, True)
    assert getattr(raised.value, "status_code", None) == 400
    assert server.requests == []


def test_another_model_of_the_route_is_asked_for_tools(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(tool_calls(("look", {"city": "Lyon"})))
    models = [{"id": "plain", "tools": False}]
    gateway = serve(
        {"a": {"base_url": server.base_url, "models": models}, "b": {"base_url": server.base_url}},
        routes={"r": {"models": ["a/plain", "b/able"]}},
    )
    function = {"type": "function", "function": {"name": "look", "parameters": CITY}}
    gateway.openai().chat.completions.create(model="r", messages=PROMPT, tools=[function])
    assert [request.json()["model"] for request in server.requests] == ["able"]


def test_a_model_of_which_nothing_is_known_is_sent_tools(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(tool_calls(("look", {"city": "Lyon"})))
    gateway = serve({"a": {"base_url": server.base_url}})
    assert ask_chat(gateway, False, True)[1][0][0] == "look"
    assert "tools" in server.requests[0].json()


# -- servers that answer in one piece


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("api", FORMATS)
def test_a_plain_server_streams_to_every_client(
    serve: Any, upstream: StartUpstream, api: str, client: str
) -> None:
    server = upstream(speaking(api, "Hello there."))
    gateway = serve({"a": {"base_url": server.base_url, "api": api, "stream": False}})
    assert ASK[client](gateway, True, False) == ("Hello there.", [])
    assert not server.requests[0].json().get("stream")


@pytest.mark.parametrize("said", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_that_ignores_stream_streams_to_every_client(
    serve: Any, upstream: StartUpstream, client: str, said: str
) -> None:
    body = b"\n" + chat("Hello there.").body
    server = upstream(Answer(headers=(("content-type", said),), body=body).paced(50))
    gateway = serve({"a": {"base_url": server.base_url}})
    assert ASK[client](gateway, True, False) == ("Hello there.", [])
    assert server.requests[0].json()["stream"] is True


# -- thoughts among the content


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("tags", "text"), [(True, "<think>Hm.</think>Yes."), ("open", "Hm.</think>Yes.")]
)
def test_thoughts_are_told_from_words_together_with_emulated_tools(
    serve: Any, upstream: StartUpstream, tags: Any, text: str, stream: bool
) -> None:
    server = upstream(speaking("openai-completions", text))
    provider = {
        "base_url": server.base_url,
        "emulate": ["tools"],
        "dialect": {"think_tags": tags},
    }
    gateway = serve({"a": provider})
    assert ASK["messages"](gateway, stream, True) == ("Yes.", [])


# -- repetition


@pytest.mark.parametrize("client", CLIENTS)
def test_a_stream_that_repeats_itself_is_ended_and_left(
    serve: Any, upstream: StartUpstream, client: str
) -> None:
    frame = (
        b"data: "
        + json.dumps(
            {
                "id": "c",
                "model": "x",
                "choices": [{"index": 0, "delta": {"content": "And again. "}}],
            }
        ).encode()
    )
    endless = chat_stream(["Well. "], finish=None, usage=None, done=False)
    server = upstream(endless.then_forever(frame + b"\n\n", 0.0001))
    gateway = serve({"a": {"base_url": server.base_url, "repetition_guard": True}})
    # OpenAI's helper for streamed responses hides what `response.failed` says.
    told = "response.completed" if client == "responses" else "repeats itself"
    with pytest.raises(Exception, match=told):
        ASK[client](gateway, True, False)
    exchange = gateway.seen.wait()
    assert "repeats itself" in (exchange.attempts[0].reason or "")
    assert exchange.outcome == "truncated"
    assert exchange.attempts[0].error == "repetition"
    assert exchange.usage is not None
    assert exchange.usage.estimated
    assert 300 < (exchange.usage.completion_tokens or 0) < 2000


def test_a_guard_lets_sound_answers_through(serve: Any, upstream: StartUpstream) -> None:
    text = "".join(f"{n}. The same words again.\n" for n in range(400))
    server = upstream(speaking("openai-completions", Reasoning("Hm."), text))
    gateway = serve({"a": {"base_url": server.base_url, "repetition_guard": {"characters": 400}}})
    assert ASK["chat"](gateway, True, False) == (text, [])
