"""Gemini and Vertex behind the gateway, for clients of other languages; and by another's mock."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.types.message import Message, Text, ToolCall, ToolResult, user
from tests.adapters.google_api import KEY, MODEL, asker, piece, stream, whole
from tests.server.serving import Served
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import Answer, FaultUpstream

Start = Callable[..., FaultUpstream]

SIGNED = {
    "functionCall": {"id": "f1", "name": "look", "args": {"city": "Lyon"}},
    "thoughtSignature": "U0lHTkVE",
}
ALSO = {"functionCall": {"id": "f2", "name": "look", "args": {"city": "Nice"}}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def turn(streamed: bool) -> list[Answer]:
    """Two calls, the first of them signed, and then words."""
    parts = [{"text": "Hm.", "thought": True}, SIGNED, ALSO]
    last = {"text": "Sunny."}
    if not streamed:
        return [whole(*parts), whole(last)]
    return [
        stream([*map(piece, parts), piece({"text": ""}, finish="STOP")]),
        stream([piece(last, finish="STOP")]),
    ]


def gateway_of(server: FaultUpstream) -> Served:
    return Served({"g": {"base_url": server.url, "adapter": "gemini", "api_key": KEY}})


def assert_signed(server: FaultUpstream) -> None:
    """What was signed has come back, and the rest of the turn with it."""
    sent = server.requests[1].json()["contents"]
    assert [part for part in sent[1]["parts"] if "functionCall" in part] == [SIGNED, ALSO]
    assert [part["functionResponse"]["response"] for part in sent[2]["parts"]] == [
        {"output": "sunny"},
        {"output": "rain"},
    ]


@pytest.mark.parametrize("streamed", [False, True])
def test_openais_library_brings_back_what_the_model_signed(streamed: bool, upstream: Start) -> None:
    server = upstream(turn(streamed))
    tools: Any = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
    asked: list[Any] = [{"role": "user", "content": "The weather?"}]
    with gateway_of(server) as gateway, gateway.openai() as client:

        def ask() -> Any:
            create = client.chat.completions.create
            params: Any = {"model": f"g/{MODEL}", "messages": asked, "tools": tools}
            if not streamed:
                return create(**params).choices[0].message.model_dump(exclude_none=True)
            return joined(list(create(**params, stream=True)))

        said = ask()
        assert [call["function"]["arguments"] for call in said["tool_calls"]] == [
            '{"city":"Lyon"}',
            '{"city":"Nice"}',
        ]
        asked += [
            said,
            {"role": "tool", "tool_call_id": "f1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "f2", "content": "rain"},
        ]
        assert ask()["content"] == "Sunny."
    assert_signed(server)


def joined(chunks: list[Any]) -> dict[str, Any]:
    """Put a stream together, as clients do."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    for chunk in chunks:
        delta = chunk.choices[0].delta.model_dump(exclude_none=True) if chunk.choices else {}
        message["content"] += delta.get("content", "")
        message.setdefault("reasoning_details", []).extend(delta.get("reasoning_details", []))
        for call in delta.get("tool_calls", ()):
            calls = message.setdefault("tool_calls", [])
            index = call.pop("index")
            if index == len(calls):
                calls.append(call)
            else:
                calls[index]["function"]["arguments"] += call["function"]["arguments"]
    return message


@pytest.mark.parametrize("streamed", [False, True])
def test_anthropics_library_brings_back_what_the_model_signed(
    streamed: bool, upstream: Start
) -> None:
    server = upstream(turn(streamed))
    asked: list[Any] = [{"role": "user", "content": "The weather?"}]
    params: Any = {
        "model": f"g/{MODEL}",
        "max_tokens": 50,
        "tools": [{"name": "look", "input_schema": SCHEMA}],
    }
    with gateway_of(server) as gateway, gateway.anthropic() as client:

        def ask() -> Any:
            if not streamed:
                return client.messages.create(messages=asked, **params)
            with client.messages.stream(messages=asked, **params) as answered:
                return answered.get_final_message()

        said = ask()
        assert said.stop_reason == "tool_use"
        results = [
            {"type": "tool_result", "tool_use_id": "f1", "content": "sunny"},
            {"type": "tool_result", "tool_use_id": "f2", "content": "rain"},
        ]
        asked += [
            {"role": "assistant", "content": said.content},
            {"role": "user", "content": results},
        ]
        assert ask().content[-1].text == "Sunny."
    assert_signed(server)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_responses_client_brings_back_what_the_model_signed(
    streamed: bool, upstream: Start
) -> None:
    server = upstream(turn(streamed))
    asked: list[Any] = [{"role": "user", "content": "The weather?"}]
    tools: Any = [{"type": "function", "name": "look", "parameters": SCHEMA, "strict": False}]
    with gateway_of(server) as gateway, gateway.openai() as client:

        def ask() -> Any:
            params: Any = {"model": f"g/{MODEL}", "input": asked, "tools": tools, "store": False}
            params["include"] = ["reasoning.encrypted_content"]
            if not streamed:
                return client.responses.create(**params)
            with client.responses.stream(**params) as answered:
                return answered.get_final_response()

        asked += [item.model_dump(exclude_none=True) for item in ask().output]
        asked += [
            {"type": "function_call_output", "call_id": "f1", "output": "sunny"},
            {"type": "function_call_output", "call_id": "f2", "output": "rain"},
        ]
        assert ask().output_text == "Sunny."
    assert_signed(server)


def test_vectors_through_the_gateway(upstream: Start) -> None:
    body = json.dumps({"embeddings": [{"values": [0.5, 1]}]}).encode()
    server = upstream(Answer(headers=(("content-type", "application/json"),), body=body))
    with gateway_of(server) as gateway, gateway.openai() as client:
        found = client.embeddings.create(model="g/gemini-embedding-001", input="one")
    assert found.data[0].embedding == [0.5, 1.0]


# -- a mock of somebody else's

ADAPTERS = ["gemini", "vertex"]


@pytest.fixture
def mocked(aimock_server: AimockServer, kind: str) -> Callable[..., Any]:
    """Ask somebody else's mock, in Gemini's language or Vertex AI's."""
    aimock_server.reset()

    def make(adapter: str) -> Any:
        more: Any = {"auth": "bearer", "options": {"project": "p"}} if adapter == "vertex" else {}
        return asker(kind, aimock_server.url, adapter, **more)

    return make


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_mock_of_others_answers_and_streams(
    adapter: str, mocked: Any, aimock_server: AimockServer
) -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13}
    said = {"content": "It is sunny.", "reasoning": "Hm.", "usage": usage}
    aimock_server.answer("weather", said, chunkSize=3)
    ours = mocked(adapter)
    whole_answer = ours.chat(f"g/{MODEL}", "the weather?")
    streamed = ours.stream(f"g/{MODEL}", "the weather?")
    assert streamed.error is None
    for went in (whole_answer, streamed.completion):
        assert (went.text, went.reasoning, went.finish_reason) == ("It is sunny.", "Hm.", "stop")
        assert (went.usage.prompt_tokens, went.usage.completion_tokens) == (9, 4)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_mock_of_others_calls_tools(
    adapter: str, mocked: Any, aimock_server: AimockServer
) -> None:
    calls = [{"name": "look", "arguments": '{"city":"Lyon"}'}, {"name": "look", "arguments": "{}"}]
    aimock_server.answer("weather", {"toolCalls": calls})
    ours = mocked(adapter)
    tools = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
    for went in (
        ours.chat(f"g/{MODEL}", "the weather?", tools=tools),
        ours.stream(f"g/{MODEL}", "the weather?", tools=tools).completion,
    ):
        assert [(call.name, call.arguments) for call in went.tool_calls] == [
            ("look", '{"city":"Lyon"}'),
            ("look", "{}"),
        ]
        assert went.finish_reason == "tool_calls"
        assert len({call.id for call in went.tool_calls}) == 2


def test_a_mock_of_others_reads_a_history(mocked: Any, aimock_server: AimockServer) -> None:
    aimock_server.answer("and now", {"content": "Still sunny."})
    history = [
        user("The weather?"),
        Message("assistant", (ToolCall("c1", "look", '{"city": "Lyon"}'),)),
        Message("tool", (ToolResult("c1", (Text("sunny"),)),)),
        user("and now?"),
    ]
    assert mocked("gemini").chat(f"g/{MODEL}", history).text == "Still sunny."
    read = aimock_server.requests()[-1]["body"]["messages"]
    assert [message["role"] for message in read] == ["user", "assistant", "tool", "user"]
    assert "sunny" in str(read[2]["content"])
