"""The most that a request may take, as it is reserved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.catalog.pricing import compute_cost
from dragoman.config import Secrets
from dragoman.config.tenant import build_tenant_route
from dragoman.engine.call import Call, CallOptions, Surroundings
from dragoman.engine.dialogue import Neighbour
from dragoman.engine.start import begin
from dragoman.ledger.rulebook import Rulebook
from dragoman.registry import Registry
from dragoman.server.admission.access import Principal
from dragoman.server.endpoints.beside import Passing, Sent
from dragoman.server.endpoints.dialogue import OverHttp
from dragoman.server.endpoints.passthrough import FORM_PATHS
from dragoman.server.http.multipart import Form, open_form
from dragoman.server.limits.bounds import ANSWER_TOKENS, CONTINUED_TOKENS, Bounds
from dragoman.server.limits.plan import Planner
from dragoman.types.allowance import Allowance, Period
from dragoman.types.usage import Usage
from dragoman.wire import get_format
from dragoman.wire.envelope import open_envelope
from tests.library.asking import configure

LANGUAGES = {
    "/chat/completions": "openai-completions",
    "/messages": "anthropic-messages",
    "/responses": "openai-responses",
}


def called(
    said: Mapping[str, Any], path: str = "/chat/completions", **provider: Any
) -> tuple[Call, Bounds]:
    """Begin a call of the route `r`, and bound it; `body` is what the route adds."""
    body = provider.pop("body", {})
    adds = {"body": provider.pop("provider_body", {})}
    table = {"base_url": "https://a.example/v1", "model_defaults": False, **adds, **provider}
    config = configure({"a": table}, routes={"r": {"models": ["a/m"], "body": body}})
    around = Surroundings(secrets=Secrets({}))
    envelope = open_envelope(json.dumps({"model": "r", **said}).encode())
    dialogue = OverHttp(envelope, get_format(LANGUAGES[path]))
    call = begin(Registry(config), around, dialogue, "r", CallOptions())
    dialogue.exchange = call.exchange
    call.exchange.endpoint = path
    return call, Bounds(call)


def answers(said: Mapping[str, Any], path: str = "/chat/completions", **provider: Any) -> int:
    """Count the tokens that are reserved for answers."""
    call, bounds = called(said, path, **provider)
    prompt: int = call.dialogue.estimate * 5 // 4 + 1
    return bounds.tokens(call.deployments, kept=True) - prompt


HI = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("said", "body", "expected"),
    [
        ({"max_tokens": 10}, {}, 10),
        ({"max_tokens": 0}, {}, ANSWER_TOKENS),  # some servers take it for no limit
        ({"max_tokens": 0, "max_completion_tokens": 10}, {}, 10),
        ({"max_tokens": 10}, {"n": 1000}, 10_000),
        ({"max_tokens": 10}, {"best_of": 3}, 30),
        ({"max_tokens": 10}, {"max_tokens": 99_999}, 10),
        ({"max_tokens": 10}, {"max_completion_tokens": 99_999}, 99_999),
        ({"max_tokens": 10, "n": 2}, {"n": 1000}, 20),
        ({}, {"max_tokens": 99_999}, 99_999),
        ({}, {"max_output_tokens": 7}, 7),
        ({}, {"n": 2}, 2 * ANSWER_TOKENS),
        ({"max_tokens": 10}, {"n": "many", "max_completion_tokens": None, "n_": 5}, 10),
    ],
)
@pytest.mark.parametrize("where", ["route", "provider", "model"])
def test_what_is_added_to_a_request_is_reserved_with_it(
    said: dict[str, int], body: dict[str, Any], expected: int, where: str
) -> None:
    tables: dict[str, Any] = {
        "route": {"body": body},
        "provider": {"provider_body": body},
        "model": {"models": [{"id": "m", "body": body}]},
    }
    assert answers({**HI, **said}, **tables[where]) == expected


@pytest.mark.parametrize("path", ["/messages", "/responses"])
def test_what_is_added_counts_whatever_language_the_client_speaks(path: str) -> None:
    said = {"input": "hi"} if path == "/responses" else HI
    name = "max_output_tokens" if path == "/responses" else "max_tokens"
    assert answers({**said, name: 10}, path, body={"n": 1000}) == 10_000
    assert answers({**said, name: 10, "n": 1}, path, body={"n": 1000}) == 10_000


@pytest.mark.parametrize("name", ["previous_response_id", "conversation"])
def test_what_a_provider_keeps_is_reserved_as_far_as_its_model_reads(name: str) -> None:
    def prompt(api: str, value: str | None, **model: int) -> int:
        said = {"input": "hi", "max_output_tokens": 10, name: value}
        models = [{"id": "m", "cost": {"input": 1, "output": 1}, **model}]
        call, bounds = called(said, "/responses", api=api, models=models)
        cost = bounds.cost(call.deployments[0])
        assert cost == bounds.tokens(call.deployments, kept=True) * 1000
        assert bounds.tokens(call.deployments, kept=False) < 100
        return bounds.tokens(call.deployments, kept=True) - 10

    small = prompt("openai-responses", None)
    assert small < 100
    assert prompt("openai-responses", "resp_1", context_window=50_000) == 50_000
    assert prompt("openai-responses", "resp_1") == CONTINUED_TOKENS
    assert prompt("openai-completions", "resp_1") < 100


def test_a_minute_has_room_for_more_than_one_that_is_continued() -> None:
    def limit(period: Period) -> Allowance:
        return Allowance(
            id=period, name=period, organisation_id="o", kind="organisation", subject="o",
            measure="tokens", period=period, amount=1_000_000,
        )  # fmt: skip

    said = {"input": "hi", "max_output_tokens": 10, "previous_response_id": "resp_1"}
    call, _ = called(said, "/responses", api="openai-responses")
    planner = Planner(Rulebook([limit("minute"), limit("day")]), shared=False)
    plan = planner.plan(call, Principal(organisation_id="o"), 1e9)
    held = {line.term.allowance.period: line.amount for line in plan.lines}
    assert held["minute"] < 100
    assert held["day"] == CONTINUED_TOKENS + 10


def _form(**fields: str) -> Form:
    """Make a client's form."""
    parts = [
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return open_form("".join([*parts, "--b--\r\n"]).encode(), "multipart/form-data; boundary=b")


@pytest.mark.parametrize(
    ("path", "said", "model", "expected"),
    [
        ("/images/generations", {"prompt": "a cat"}, {"max_tokens": 100}, 100),
        ("/images/generations", {"prompt": "a cat", "n": 3}, {"max_tokens": 100}, 300),
        ("/images/generations", {"prompt": "a cat"}, {}, ANSWER_TOKENS),
        ("/images/edits", {"n": "2"}, {"max_tokens": 100}, 200),
        ("/images/edits", {}, {"max_tokens": 100}, 100),
        ("/audio/speech", {"input": "hi", "n": 3}, {"max_tokens": 100}, 100),
        ("/audio/transcriptions", {"n": "3"}, {"max_tokens": 100}, 100),
        ("/rerank", {"query": "hi"}, {"max_tokens": 100}, 0),
        ("/moderations", {"input": "hi"}, {"max_tokens": 100}, 0),
    ],
)
def test_pictures_and_sound_are_answers_too(
    path: str, said: dict[str, Any], model: dict[str, Any], expected: int
) -> None:
    table = {"base_url": "https://a.example/v1", "model_defaults": False}
    priced = {"id": "m", "cost": {"input": 0, "output": 1}, **model}
    config = configure({"a": {**table, "models": [priced]}})
    sent: Sent = (
        _form(model="a/m", **said)
        if path in FORM_PATHS
        else open_envelope(json.dumps({"model": "a/m", **said}).encode())
    )
    dialogue = Passing(sent, Neighbour(path, charged=True), get_format("openai-completions"))
    around = Surroundings(secrets=Secrets({}))
    call = begin(Registry(config), around, dialogue, "a/m", CallOptions())
    call.exchange.endpoint = path
    assert Bounds(call).cost(call.deployments[0]) == expected * 1000


def test_a_fee_alone_is_known_before_and_after() -> None:
    call, bounds = called(HI, models=[{"id": "m", "cost": {"request": 0.02}}])
    (deployment,) = call.deployments
    usage = Usage(prompt_tokens=10, completion_tokens=5)
    assert bounds.cost(deployment) == 20_000_000
    assert compute_cost(usage, deployment.info.price) == (20_000_000, "config")


def test_a_route_of_a_tenant_that_steers_leads_nowhere() -> None:
    for field in ("api_base", "base_url", "user_config"):
        route, (problem,) = build_tenant_route(
            "rb", {"models": ["a/m"], "body": {field: "http://x"}}
        )
        assert route.steps == ()
        assert field in problem.message
