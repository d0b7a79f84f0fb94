"""The real llama.cpp server serves, and does what `llama.py` says of it."""

from __future__ import annotations

import json
import urllib.request

import jsonschema
import openai
import pytest

from tests.upstream.llama import LlamaServer
from tests.upstream.tiny_model import write_model

HELLO = [{"role": "user", "content": "hi"}]
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "ok": {"type": "boolean"}},
    "required": ["n", "ok"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "count", "parameters": SCHEMA}}


@pytest.fixture
def ask(llama_server):
    with openai.OpenAI(base_url=llama_server.base_url, api_key="none", max_retries=0) as client:
        yield lambda **body: client.chat.completions.create(
            **{"model": llama_server.model, "messages": HELLO, **body}
        )


def post(server, path, body):
    request = urllib.request.Request(server.url + path, json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


def test_the_model_is_the_same_each_time(tmp_path):
    write_model(tmp_path / "a.gguf")
    write_model(tmp_path / "b.gguf")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()


def test_it_completes_with_usage(ask):
    completion = ask()
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_text_is_the_same_streamed_and_whole(ask):
    with ask(stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    assert chunks[0].choices[0].delta.content is None
    text = "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices)
    assert text == ask().choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0


def test_it_keeps_to_a_json_schema(ask):
    form = {"type": "json_schema", "json_schema": {"name": "count", "schema": SCHEMA}}
    answer = ask(response_format=form, max_tokens=200).choices[0].message.content
    jsonschema.validate(json.loads(answer), SCHEMA)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_calls_tools(ask, llama_server, seed):
    choice = ask(
        seed=seed,
        tools=[TOOL],
        tool_choice="required",
        logit_bias=llama_server.tool_bias,
        max_tokens=600,
    ).choices[0]
    assert choice.finish_reason == "tool_calls"
    for call in choice.message.tool_calls:
        assert call.function.name == "count"
        jsonschema.validate(json.loads(call.function.arguments), SCHEMA)


def test_a_prompt_too_long_is_its_own_error(ask, llama_server):
    with pytest.raises(openai.BadRequestError) as raised:
        ask(messages=[{"role": "user", "content": "x" * llama_server.context_tokens}])
    assert raised.value.body["type"] == "exceed_context_size_error"
    assert raised.value.body["n_ctx"] == llama_server.context_tokens


def test_a_completion_may_be_cut_by_its_limit(ask):
    choice = ask(max_tokens=1).choices[0]
    assert choice.finish_reason == "length"


def test_usage_comes_once_for_each_choice(ask):
    with ask(n=2, stream=True, stream_options={"include_usage": True}, max_tokens=3) as stream:
        assert sum(chunk.usage is not None for chunk in stream) == 2


def test_it_answers_for_any_model_name(ask, llama_server):
    assert ask(model="someone/else").model == llama_server.model


def test_it_speaks_the_two_other_formats(llama_server):
    message = json.loads(post(llama_server, "/v1/messages", {"messages": HELLO, "max_tokens": 2}))
    assert (message["type"], message["stop_reason"]) == ("message", "max_tokens")
    response = json.loads(post(llama_server, "/v1/responses", {"input": "hi"}))
    assert response["output"][0]["type"] == "message"
    stream = post(llama_server, "/v1/responses", {"input": "hi", "stream": True})
    assert "event: response.completed\n" in stream


def test_it_may_ask_for_a_key(tmp_path):
    with LlamaServer(tmp_path, api_key="sesame") as server:
        for key, expected in (("sesame", None), ("wrong", 401)):
            with openai.OpenAI(base_url=server.base_url, api_key=key) as client:
                try:
                    status = client.models.list() and None
                except openai.AuthenticationError as error:
                    status = error.status_code
            assert status == expected


def test_a_server_that_cannot_start_says_why(tmp_path):
    server = LlamaServer(tmp_path, write=lambda path: path.write_text("no model"))
    with pytest.raises(RuntimeError, match="did not start"), server:
        pass
