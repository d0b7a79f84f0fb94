"""Routes with conditions, and shadow traffic, through the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.server.process import wait_until
from tests.server.serving import Served, ask
from tests.upstream.answers import stall
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error

StartUpstream = Callable[..., FaultUpstream]
PROMPT = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]

WHEN: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "a stream": ({"stream": True}, {"stream": True}, {}),
    "tools": ({"tools": True}, {"tools": TOOLS}, {}),
    "a long prompt": (
        {"tokens_from": 500},
        {"messages": [{"role": "user", "content": "word " * 1000}]},
        {},
    ),
    "a header": ({"headers": {"X-Tier": "gold"}}, {}, {"x_tier": "gold"}),
    "a user": ({"users": ["bob"]}, {"user": "bob"}, {}),
    "metadata": ({"metadata": {"team": "red"}}, {"metadata": {"team": "red"}}, {}),
    "both": (
        {"stream": True, "headers": {"x-tier": "gold"}},
        {"stream": True},
        {"x_tier": "gold"},
    ),
}


@pytest.mark.parametrize("name", WHEN)
def test_a_step_is_for_requests_that_meet_its_conditions(
    serve: Any, upstream: StartUpstream, name: str
) -> None:
    when, body, headers = WHEN[name]

    def answer(request: Any) -> Any:
        return chat_stream(["ok"]) if request.json().get("stream") else chat("ok")

    special, usual = upstream(answer), upstream(answer)
    gateway = serve(
        {"a": {"base_url": special.base_url}, "b": {"base_url": usual.base_url}},
        routes={"smart": {"models": [{"model": "a/x", "when": when}, "b/x"]}},
    )
    url = f"{gateway.base_url}/chat/completions"
    plain = {"model": "smart", "messages": PROMPT}
    ask(url, json.dumps(plain).encode())
    assert (len(special.requests), len(usual.requests)) == (0, 1)
    ask(url, json.dumps({**plain, **body}).encode(), **headers)
    assert (len(special.requests), len(usual.requests)) == (1, 1)


def test_a_request_that_no_step_is_meant_for_is_told_so(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("never"))
    gateway = serve(
        {"a": {"base_url": server.base_url}},
        routes={"smart": {"models": [{"model": "a/x", "when": {"stream": True}}]}},
    )
    with pytest.raises(openai.BadRequestError, match="not meant for such a request"):
        gateway.openai().chat.completions.create(model="smart", messages=PROMPT)


def shadowed(serve: Any, one: FaultUpstream, two: FaultUpstream, **more: Any) -> Served:
    shadow = {"model": "b/candidate", **more.pop("shadow", {})}
    gateway: Served = serve(
        {
            "a": {"base_url": one.base_url},
            "b": {"base_url": two.base_url, "retries": 0, **more.pop("b", {})},
        },
        routes={"smart": {"models": ["a/x"], "shadow": shadow, **more.pop("route", {})}},
        **more,
    )
    return gateway


@pytest.mark.parametrize("stream", [False, True])
def test_a_shadow_is_asked_the_same_and_nobody_gets_its_answer(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    make = (lambda text: chat_stream([text])) if stream else chat
    one, two = upstream(make("mine")), upstream(make("shadow"))
    gateway = shadowed(serve, one, two)
    body = json.dumps({"model": "smart", "messages": PROMPT, "stream": stream}).encode()
    answer = ask(f"{gateway.base_url}/chat/completions", body)
    assert (b"mine" in answer[2], b"shadow" in answer[2]) == (True, False)
    copy = gateway.seen.wait(2)
    first = gateway.seen.exchanges[0]
    assert (first.tag, first.provider, copy.tag, copy.provider) == (None, "a", "shadow", "b")
    assert (copy.outcome, copy.asked, copy.organisation_id) == ("ok", "b/candidate", "default")
    assert copy.usage is not None
    assert two.requests[0].json()["messages"] == PROMPT
    assert two.requests[0].json()["model"] == "candidate"


def test_nobody_waits_for_a_shadow(serve: Any, upstream: StartUpstream) -> None:
    one, two = upstream(chat("mine")), upstream(stall(None))
    gateway = shadowed(serve, one, two)
    for _ in range(3):
        gateway.openai().chat.completions.create(model="smart", messages=PROMPT)
    assert [exchange.provider for exchange in gateway.seen.exchanges] == ["a"] * 3


def test_a_shadow_that_fails_is_written_down_and_harms_nobody(
    serve: Any, upstream: StartUpstream
) -> None:
    one, two = upstream(chat("mine")), upstream(error(500))
    gateway = shadowed(serve, one, two)
    gateway.openai().chat.completions.create(model="smart", messages=PROMPT)
    copy = gateway.seen.wait(2)
    assert (copy.tag, copy.outcome) == ("shadow", "error")


def test_a_shadow_gets_its_share(serve: Any, upstream: StartUpstream) -> None:
    one, two = upstream(chat("mine")), upstream(chat("never"))
    gateway = shadowed(serve, one, two, shadow={"percent": 0})
    gateway.openai().chat.completions.create(model="smart", messages=PROMPT)
    assert (len(gateway.seen.exchanges), len(two.requests)) == (1, 0)


def test_a_shadow_never_leaves_the_class_of_its_route_and_what_was_not_asked_is_no_request(
    serve: Any, upstream: StartUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dragoman.server")
    one, two = upstream(chat("mine")), upstream(chat("never"))
    gateway = serve(
        {
            "a": {"base_url": one.base_url, "privacy": "local"},
            "b": {"base_url": two.base_url},
        },
        routes={"smart": {"models": ["a/x"], "privacy": "local", "shadow": {"model": "b/x"}}},
    )
    gateway.openai().chat.completions.create(model="smart", messages=PROMPT)
    wait_until(lambda: "leaves the class 'local'" in caplog.text)
    gateway.openai().chat.completions.create(model="smart", messages=PROMPT)  # after its end
    assert [one.tag for one in gateway.seen.exchanges] == [None, None]
    assert two.requests == []


def test_an_answer_from_the_cache_has_no_shadow(serve: Any, upstream: StartUpstream) -> None:
    one, two = upstream(chat("mine")), upstream(chat("shadow"))
    gateway = shadowed(serve, one, two, server={"cache": {"enabled": True}})
    for _ in range(2):
        gateway.openai().chat.completions.create(model="smart", messages=PROMPT)
    gateway.seen.wait(3)
    assert (len(one.requests), len(two.requests)) == (1, 1)
