"""Unmodified clients of three languages, through the gateway, to providers of three languages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from tests.server.serving import Served, ask
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error, tool_calls

StartUpstream = Callable[..., FaultUpstream]
PROMPT = [{"role": "user", "content": "hi"}]


def openai_of(gateway: Served) -> openai.OpenAI:
    return gateway.openai()


def anthropic_of(gateway: Served) -> anthropic.Anthropic:
    return gateway.anthropic()


def test_the_openai_sdk_gets_the_upstreams_bytes(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat("Hello"), chat_stream(["Hel", "lo"])])
    gateway = serve({"mycompany": {"base_url": server.base_url, "api_key": "secret"}})
    client = openai_of(gateway)
    whole = client.chat.completions.create(model="mycompany/custom-gpt-4", messages=PROMPT)
    assert whole.choices[0].message.content == "Hello"
    chunks = list(
        client.chat.completions.create(
            model="mycompany/custom-gpt-4",
            messages=PROMPT,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
    assert chunks[-1].usage is not None
    request = server.requests[0]
    assert request.header("authorization") == "Bearer secret"
    assert request.json()["model"] == "custom-gpt-4"


def test_usage_that_the_client_did_not_ask_for_is_kept_from_it(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat_stream(["ok"]))
    client = openai_of(serve({"a": {"base_url": server.base_url}}))
    chunks = list(client.chat.completions.create(model="a/x", messages=PROMPT, stream=True))
    assert server.requests[0].json()["stream_options"] == {"include_usage": True}
    assert all(chunk.choices for chunk in chunks)


def test_unknown_fields_reach_the_upstream_byte_for_byte(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve({"a": {"base_url": server.base_url}})
    body = (
        b'{"model": "a/x", "temperature":0.70,"x":{"b":1e5},'
        b'"messages":[{"role":"user","content":"hi"}]}'
    )
    status, _, answer = ask(f"{gateway.base_url}/chat/completions", body)
    assert (status, answer) == (200, chat("ok").body)
    assert server.requests[0].body == body.replace(b"a/x", b"x")


def test_the_anthropic_sdk_reaches_an_openai_provider(serve: Any, upstream: StartUpstream) -> None:
    tools = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
    server = upstream(
        [
            chat("Hello"),
            chat_stream(["Hel", "lo"]),
            tool_calls(("look", {"at": 1}), ("look", {"at": 2}), stream=True),
        ]
    )
    client = anthropic_of(serve({"a": {"base_url": server.base_url}}))
    whole = client.messages.create(model="a/x", max_tokens=50, messages=PROMPT)
    assert whole.content[0].text == "Hello"
    with client.messages.stream(model="a/x", max_tokens=50, messages=PROMPT) as stream:
        assert stream.get_final_text() == "Hello"
    with client.messages.stream(model="a/x", max_tokens=50, messages=PROMPT, tools=tools) as stream:
        message = stream.get_final_message()
    assert [block.input for block in message.content if block.type == "tool_use"] == [
        {"at": 1},
        {"at": 2},
    ]
    assert message.stop_reason == "tool_use"


def test_the_responses_api_reaches_an_openai_provider(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat("Hello"), chat_stream(["Hel", "lo"])])
    client = openai_of(serve({"a": {"base_url": server.base_url}}))
    assert client.responses.create(model="a/x", input="hi").output_text == "Hello"
    with client.responses.stream(model="a/x", input="hi") as stream:
        assert stream.get_final_response().output_text == "Hello"


def test_a_fallback_in_the_middle_of_an_outage_is_no_error(
    serve: Any, upstream: StartUpstream
) -> None:
    down, up = upstream(error(500)), upstream(chat_stream(["ok"]))
    gateway = serve(
        {"a": {"base_url": down.base_url, "retries": 0}, "b": {"base_url": up.base_url}},
        routes={"smart": {"models": ["a/x", "b/y"]}},
    )
    answer = openai_of(gateway).chat.completions.with_raw_response.create(
        model="smart", messages=PROMPT, stream=True
    )
    text = "".join(c.choices[0].delta.content or "" for c in answer.parse() if c.choices)
    assert text == "ok"
    assert answer.headers["x-dragoman-provider"] == "b"
    assert answer.headers["x-dragoman-attempts"] == "2"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(400), openai.BadRequestError),
        (error(429), openai.RateLimitError),
        (error(500), openai.InternalServerError),
        (error(401), openai.InternalServerError),
    ],
)
def test_the_openai_sdk_raises_what_it_knows(
    serve: Any, upstream: StartUpstream, answer: Any, kind: type[Exception]
) -> None:
    client = openai_of(serve({"a": {"base_url": upstream(answer).base_url, "retries": 0}}))
    with pytest.raises(kind):
        client.chat.completions.create(model="a/x", messages=PROMPT)


def test_an_unknown_model_is_a_404_with_a_suggestion(serve: Any) -> None:
    gateway = serve({})
    with pytest.raises(openai.NotFoundError) as caught:
        openai_of(gateway).chat.completions.create(model="dmo/echo", messages=PROMPT)
    assert caught.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError):
        anthropic_of(gateway).messages.create(model="dmo/echo", max_tokens=5, messages=PROMPT)


def test_after_the_first_content_an_error_is_an_event(serve: Any, upstream: StartUpstream) -> None:
    cut = chat_stream(["Hel"], finish=None, usage=None, done=False)
    gateway = serve({"a": {"base_url": upstream(cut).base_url}})
    seen = ""
    chunks = openai_of(gateway).chat.completions.create(model="a/x", messages=PROMPT, stream=True)
    try:
        for chunk in chunks:
            seen += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        seen += f" {error.code}"
    assert seen == "Hel stream_truncated"
    with (
        pytest.raises(anthropic.APIError),
        anthropic_of(gateway).messages.stream(model="a/x", max_tokens=5, messages=PROMPT) as stream,
    ):
        stream.get_final_text()


def test_a_patient_client_gets_pings_and_then_the_answer(
    serve: Any, upstream: StartUpstream
) -> None:
    slow = chat_stream(["ok"]).paced(10_000, pause_s=0.0).stall(0.5, at=0)
    gateway = serve({"a": {"base_url": upstream(slow).base_url}}, hold_s=0.1)
    body = json.dumps({"model": "a/x", "messages": PROMPT, "stream": True}).encode()
    status, _, answer = ask(f"{gateway.base_url}/chat/completions", body)
    assert status == 200
    assert answer.startswith(b": keep-alive\n\n")
    assert b'"ok"' in answer
    assert answer.endswith(b"data: [DONE]\n\n")


def test_a_client_that_leaves_takes_the_upstream_along(serve: Any, upstream: StartUpstream) -> None:
    answer = chat_stream(["Hello ", "world"])
    at = answer.wire.index(b"world") - len(answer.head)
    server = upstream([answer.stall(at=at)])
    gateway = serve({"a": {"base_url": server.base_url}})
    stream = openai_of(gateway).chat.completions.create(model="a/x", messages=PROMPT, stream=True)
    next(iter(stream))
    left = time.monotonic()
    stream.close()
    assert server.requests[0].wait_closed(1.5) - left < 1.0


def test_a_body_over_the_cap_is_a_413_in_the_clients_language(serve: Any) -> None:
    gateway = serve({}, body_limit=1000)
    with pytest.raises(openai.APIStatusError) as caught:
        openai_of(gateway).chat.completions.create(
            model="demo/echo", messages=[{"role": "user", "content": "x" * 2000}]
        )
    assert caught.value.status_code == 413


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
def test_models_are_listed_with_and_without_the_prefix(serve: Any, path: str) -> None:
    gateway = serve({})
    status, _, answer = ask(f"{gateway.url}{path}", method="GET")
    assert status == 200
    assert "demo/echo" in [row["id"] for row in json.loads(answer)["data"]]


def test_a_model_with_slashes_in_its_id_is_found(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([])
    gateway = serve({"a": {"base_url": server.base_url, "models": [{"id": "org/m:8b"}]}})
    assert openai_of(gateway).models.retrieve("a/org/m:8b").id == "a/org/m:8b"


def test_what_is_not_served_is_a_404_or_405_in_shape(serve: Any) -> None:
    gateway = serve({})
    status, _, answer = ask(f"{gateway.base_url}/nothing", b"{}")
    assert (status, json.loads(answer)["error"]["code"]) == (404, "not_found")
    status, _, answer = ask(f"{gateway.base_url}/messages", method="GET")
    assert (status, json.loads(answer)["type"]) == (405, "error")


@pytest.mark.parametrize("path", ["/v1/v1/messages", "/v1/messages/", "//v1//messages", "/v1/none"])
def test_who_has_too_much_in_the_base_url_is_told(serve: Any, path: str) -> None:
    status, _, body = ask(f"{serve({}).url}{path}", b"{}")
    said = body.decode()
    assert status == 404
    assert f"nothing is served under {path}; " in said
    assert ("stands in /openapi.json" if path.endswith("none") else "ask /v1/messages: ") in said
