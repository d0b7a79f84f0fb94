"""Through the gateway: refusals for a field are mended in relayed bytes; another model is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.serving import ask
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream

StartUpstream = Callable[..., FaultUpstream]


def strict(*unknown: str) -> Callable[[Request], Answer]:
    """A server that does not know these fields, and says so as FastAPI does."""

    def answer(request: Request) -> Answer:
        body = request.json()
        wrong = [
            {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs", "input": 1}
            for name in unknown
            if name in body
        ]
        if wrong:
            headers = (("content-type", "application/json"),)
            return Answer(422, headers, json.dumps({"detail": wrong}).encode())
        made = chat_stream(["Hel", "lo"], model="x") if body.get("stream") else None
        return made or chat("Hello", model="x")

    return answer


BODY = (
    b'{"model":"a/x","seed":1, "temperature" : 0.70,"top_k":4,'
    b'"messages":[{"role":"user","content":"hi"}]}'
)


def test_relayed_bytes_lose_the_field_and_nothing_else(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(strict("seed", "top_k"))
    gateway = serve({"a": {"base_url": server.base_url}})
    status, headers, answer = ask(f"{gateway.base_url}/chat/completions", BODY)
    assert (status, answer) == (200, chat("Hello", model="x").body)
    expected = BODY.replace(b',"seed":1', b"").replace(b',"top_k":4', b"").replace(b"a/x", b"x")
    assert server.requests[1].body == expected
    assert headers["x-dragoman-attempts"] == "2"
    assert "seed is left out; top_k is left out" in headers["x-dragoman-warnings"]
    status, headers, _ = ask(f"{gateway.base_url}/chat/completions", BODY)
    assert (status, len(server.requests)) == (200, 3)
    assert "from now on" not in headers["x-dragoman-warnings"]
    assert "seed is not sent" in headers["x-dragoman-warnings"]


def test_a_stream_is_mended_before_it_begins(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(strict("stream_options"))
    client = serve({"a": {"base_url": server.base_url}}).openai()
    chunks = list(
        client.chat.completions.create(
            model="a/x", messages=[{"role": "user", "content": "hi"}], stream=True
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello"
    assert "stream_options" in server.requests[0].json()
    assert "stream_options" not in server.requests[1].json()


def test_a_role_inside_relayed_bytes_is_changed(serve: Any, upstream: StartUpstream) -> None:
    def qwen(request: Request) -> Answer:
        if request.json()["messages"][0]["role"] == "developer":
            body = {"error": {"message": "Unexpected message role.", "type": "BadRequestError"}}
            headers = (("content-type", "application/json"),)
            return Answer(400, headers, json.dumps(body).encode())
        return chat("Hello", model="x")

    server = upstream(qwen)
    client = serve({"a": {"base_url": server.base_url}}).openai()
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]
    for count in (2, 3):
        answer = client.chat.completions.create(model="a/x", messages=messages)
        assert answer.choices[0].message.content == "Hello"
        assert len(server.requests) == count
    assert server.requests[2].json()["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_translated_request_is_mended(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(strict("temperature"))
    client = serve({"a": {"base_url": server.base_url}}).anthropic()
    answer = client.messages.with_raw_response.create(
        model="a/x",
        max_tokens=9,
        messages=[{"role": "user", "content": "hi"}],
        extra_body={"temperature": 0.5},
    )
    assert answer.parse().content[0].text == "Hello"
    assert "temperature is left out" in answer.headers["x-dragoman-warnings"]


@pytest.mark.parametrize("stream", [False, True])
def test_another_model_is_told(serve: Any, upstream: StartUpstream, stream: bool) -> None:
    answer = chat_stream(["ok"], model="gpt-4o-mini") if stream else chat("ok", model="gpt-4o-mini")
    gateway = serve({"a": {"base_url": upstream(answer).base_url}})
    body = json.dumps({"model": "a/gpt-4o", "messages": [], "stream": stream}).encode()
    status, headers, _ = ask(f"{gateway.base_url}/chat/completions", body)
    assert status == 200
    warning = "a/gpt-4o answered as another model: gpt-4o-mini"
    assert headers["x-dragoman-warnings"] == warning
    exchange = gateway.seen.wait()
    assert exchange.warnings == [warning]
    assert exchange.attempts[0].answered_model == "gpt-4o-mini"


@pytest.mark.parametrize(
    ("answered", "dialect"),
    [("gpt-4o-2024-11-20", {}), ("gpt-4o-mini", {"routers": ["gpt-*"]}), ("x", {"routers": "*"})],
)
def test_no_other_model_is_no_warning(
    serve: Any, upstream: StartUpstream, answered: str, dialect: dict[str, Any]
) -> None:
    server = upstream(chat("ok", model=answered))
    gateway = serve({"a": {"base_url": server.base_url, "dialect": dialect}})
    _, headers, _ = ask(
        f"{gateway.base_url}/chat/completions", b'{"model":"a/gpt-4o","messages":[]}'
    )
    assert "x-dragoman-warnings" not in headers
