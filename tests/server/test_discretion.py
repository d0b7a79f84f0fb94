"""What of the configuration is told to whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.discretion import conceal
from dragoman.errors import AllAttemptsFailed, Timeout
from tests.server.serving import ask
from tests.upstream.fault import Answer, chat, sse

KEYS = {"keys": [{"name": "team", "key": "team-key"}]}
SECRETS = ("/secret/place", "NOT_SET", "/opt/secret/tool")
PROVIDERS = {
    "variable": {"api_key": "env:NOT_SET"},
    "file": {"api_key": "file:/secret/place/key"},
    "command": {"api_key": "cmd:/opt/secret/tool --token"},
    "header": {"headers": {"x-tenant": "file:/secret/place/tenant"}},
}
PATHS = ("/chat/completions", "/messages", "/responses", "/embeddings", "/moderations")


def body(model: str, *, stream: bool = False) -> bytes:
    told = [{"role": "user", "content": "hi"}]
    asked = {"model": model, "messages": told, "input": "hi", "max_tokens": 5, "stream": stream}
    return json.dumps(asked).encode()


@pytest.fixture
def providers(upstream: Any) -> dict[str, Any]:
    server = upstream(lambda _: chat("ok"))
    return {
        name: {"base_url": server.base_url, **settings}
        for name, settings in {**PROVIDERS, "sound": {}}.items()
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_who_has_a_key_is_not_told_what_the_configuration_holds(
    serve: Any, providers: Any, name: str, path: str, stream: bool, caplog: Any
) -> None:
    routes = {"both": {"models": [f"{name}/m", "command/n"]}}
    gateway = serve(providers, gateway=KEYS, routes=routes)
    for model in (f"{name}/m", "both"):
        asked = body(model, stream=stream)
        status, headers, told = ask(f"{gateway.base_url}{path}", asked, x_api_key="team-key")
        assert status >= 500
        assert headers["x-should-retry"] == "false"
        assert not [one for one in SECRETS if one.encode() in told or one in str(headers)]
        assert b"not set up" in told
    reason = gateway.seen.exchanges[0].attempts[0].reason
    assert any(one in reason for one in SECRETS), "the ledger has all of it"
    assert any(one in caplog.text for one in SECRETS), "and so has the log"


@pytest.mark.parametrize(
    "refusal",
    [
        Answer(401, (), b'{"error":"invalid_client"}'),
        Answer(200, (), b"<html><title>Sign in</title>"),
        Answer(503, (), b"{}"),
    ],
)
def test_a_token_endpoint_is_named_to_nobody_else(serve: Any, upstream: Any, refusal: Any) -> None:
    tokens = upstream(lambda _: refusal)
    options = {"token_url": f"{tokens.url}/token", "client_id": "c", "client_secret": "s3cret-0"}
    provider = {"adapter": "oauth", "base_url": tokens.base_url, "options": options, "retries": 0}
    for keys, named in ((KEYS, False), ({}, True)):
        gateway = serve({"corp": provider}, gateway=keys)
        url = f"{gateway.base_url}/chat/completions"
        _, headers, told = ask(url, body("corp/m"), x_api_key="team-key")
        assert b"no token: " in told
        assert (tokens.url in f"{headers}{told!r}") is named


def test_who_is_answered_by_another_provider_is_not_told_either(serve: Any, providers: Any) -> None:
    routes = {"both": {"models": ["file/m", "sound/m"]}}
    gateway = serve(providers, gateway=KEYS, routes=routes)
    status, headers, _ = ask(
        f"{gateway.base_url}/chat/completions", body("both"), x_api_key="team-key"
    )
    assert status == 200
    assert "not set up" in headers["x-dragoman-warnings"]
    assert "/secret" not in str(headers)


def test_who_sits_at_the_machine_is_told_all(serve: Any, providers: Any) -> None:
    gateway = serve(providers)
    _, _, told = ask(f"{gateway.base_url}/chat/completions", body("variable/m"))
    assert b"$NOT_SET is not set" in told


DOWN = {"base_url": "http://127.0.0.1:9/v1", "retries": 0}
"""Port 9 is `discard`: nobody listens there."""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_who_has_a_key_is_told_that_nobody_answers_but_not_where(
    serve: Any, path: str, stream: bool
) -> None:
    routes = {"both": {"models": ["down/m", "away/n"]}}
    gateway = serve({"down": DOWN, "away": DOWN}, gateway=KEYS, routes=routes)
    for model in ("down/m", "both"):
        asked = body(model, stream=stream)
        status, headers, told = ask(f"{gateway.base_url}{path}", asked, x_api_key="team-key")
        assert status in (502, 503)
        assert b"cannot be reached" in told
        assert b"127.0.0.1" not in told
        assert "127.0.0.1" not in str(headers)
    assert "127.0.0.1:9" in gateway.seen.exchanges[0].attempts[0].reason


def test_where_nobody_answers_is_told_to_who_sits_at_the_machine(serve: Any) -> None:
    gateway = serve({"down": DOWN})
    _, _, told = ask(f"{gateway.base_url}/chat/completions", body("down/m"))
    assert b"http://127.0.0.1:9 refused the connection" in told


def test_where_a_timer_ran_out_is_a_hint_for_operators() -> None:
    wait = Timeout("connect", 1, hint="http://inside did not answer")
    assert conceal(wait, None).hint is None
    every = AllAttemptsFailed("all attempts failed", [wait], hint="http://inside did not answer")
    assert conceal(every, None).hint is None


@pytest.mark.parametrize("path", PATHS)
def test_where_a_provider_was_disabled_is_told_to_operators_alone(serve: Any, path: str) -> None:
    told = []
    for gateway, headers in (({}, {}), (KEYS, {"x_api_key": "team-key"})):
        served = serve({"off": {**DOWN, "enabled": False}}, gateway=gateway)
        status, _, answer = ask(f"{served.base_url}{path}", body("off/m"), **headers)
        assert status == 404
        assert b"'off/m' leads nowhere: off is disabled" in answer
        told.append(b"take out enabled = false" in answer)
    assert told == [True, False]


CREDENTIALS = ("sk-canary-0123456789ABCDEF", "canary without any shape")


def repeated(key: str) -> dict[str, Answer]:
    said = {"message": f"not {key}", "type": key, "code": key, "param": key, "request_id": key}
    told = json.dumps({"error": said, "request_id": key}).encode()
    kind = ("content-type", "application/json")
    named = (kind, ("x-request-id", key))
    return {
        "refused": Answer(status=401, headers=named, body=told),
        "wrong": Answer(status=400, headers=named, body=told),
        "busy": Answer(status=429, headers=named, body=told),
        "failed": Answer(status=500, headers=named, body=told),
        "an error with 200": Answer(status=200, headers=named, body=told),
        "an error in a stream": sse([told.decode()]),
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", list(repeated("")))
@pytest.mark.parametrize("key", CREDENTIALS)
def test_a_credential_that_an_upstream_repeats_is_told_to_nobody(
    serve: Any, upstream: Any, key: str, fault: str, path: str, stream: bool
) -> None:
    server = upstream(lambda _: repeated(key)[fault])
    gateway = serve({"a": {"base_url": server.base_url, "api_key": key}})
    _, headers, told = ask(f"{gateway.base_url}{path}", body("a/m", stream=stream))
    assert "canary" in str(server.requests[0].headers)
    assert b"canary" not in told
    assert "canary" not in str(headers)
    assert "canary" not in repr(gateway.seen.wait())
