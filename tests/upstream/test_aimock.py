"""The aimock server is installed, serves, and does what `aimock.py` says of it."""

from __future__ import annotations

import json
import urllib.request

import openai
import pytest

from tests.upstream.aimock import LOCK_FILE, AimockServer


@pytest.fixture
def ask(aimock_server):
    aimock_server.reset()
    with openai.OpenAI(base_url=aimock_server.base_url, api_key="k", max_retries=0) as client:
        yield lambda text, **body: client.chat.completions.create(
            **{"model": "m", "messages": [{"role": "user", "content": text}], **body}
        )


def test_the_lock_file_names_no_place_to_download_from():
    assert "resolved" not in LOCK_FILE.read_text()
    assert "://" not in LOCK_FILE.read_text()


def test_it_answers_what_it_was_told(ask, aimock_server):
    aimock_server.answer("weather", {"content": "Sunny"})
    completion = ask("How is the weather?")
    assert completion.choices[0].message.content == "Sunny"
    assert completion.model == "m"
    with pytest.raises(openai.InternalServerError, match="no fixture matched"):
        ask("something else")


def test_it_streams_in_pieces_with_usage(ask, aimock_server):
    usage = {"prompt_tokens": 9, "completion_tokens": 4}
    aimock_server.answer("hi", {"content": "Hello, wörld", "usage": usage}, chunkSize=5)
    with ask("hi", stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    texts = [c.delta.content for chunk in chunks for c in chunk.choices if c.delta.content]
    assert texts == ["Hello", ", wör", "ld"]
    assert chunks[-1].usage.total_tokens == 13


def test_it_calls_tools(ask, aimock_server):
    calls = [{"name": "f", "arguments": {"n": 1}}, {"name": "g", "arguments": {}}]
    aimock_server.answer("call", {"toolCalls": calls})
    choice = ask("call").choices[0]
    assert choice.finish_reason == "tool_calls"
    assert [call.function.arguments for call in choice.message.tool_calls] == ['{"n":1}', "{}"]


def test_it_sends_reasoning(ask, aimock_server):
    aimock_server.answer("think", {"content": "42", "reasoning": "6 x 7"})
    assert ask("think").choices[0].message.reasoning_content == "6 x 7"


def test_it_fails_as_it_was_told(ask, aimock_server):
    error = {"error": {"message": "slow down"}, "status": 429, "retryAfter": 7}
    aimock_server.answer("too much", error)
    with pytest.raises(openai.RateLimitError) as raised:
        ask("too much")
    assert raised.value.response.headers["retry-after"] == "7"


def test_it_cuts_a_stream(ask, aimock_server):
    options = {"chunkSize": 3, "latency": 20, "truncateAfterChunks": 3}
    aimock_server.answer("cut", {"content": "Hello, world"}, **options)
    with ask("cut", stream=True) as stream:
        assert next(stream).choices[0].delta.role == "assistant"
        assert next(stream).choices[0].delta.content == "Hel"
        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_it_records_requests(ask, aimock_server):
    aimock_server.answer("hi", {"content": "Hello"})
    ask("hi", temperature=0.5)
    [request] = aimock_server.requests()
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == "[REDACTED]"
    assert request["body"]["temperature"] == 0.5


def test_it_speaks_the_two_other_formats(ask, aimock_server):
    aimock_server.answer("hi", {"content": "Hello"})

    def post(path, body):
        request = urllib.request.Request(aimock_server.url + path, json.dumps(body).encode())
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    messages = [{"role": "user", "content": "hi"}]
    message = post("/v1/messages", {"model": "m", "max_tokens": 9, "messages": messages})
    assert message["content"][0]["text"] == "Hello"
    response = post("/v1/responses", {"model": "m", "input": "hi"})
    assert response["output"][0]["content"][0]["text"] == "Hello"


def test_it_may_ask_for_a_key():
    with (
        AimockServer(auth={"apiKeys": ["sesame"]}) as server,
        openai.OpenAI(base_url=server.base_url, api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
