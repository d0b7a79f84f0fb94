"""Limits and budgets at the gateway: who is let through, and what the others are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from dragoman.errors import ConfigError
from dragoman.ledger.counting import Line, term_of
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, delete_allowance, put_allowance
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.safe import Safe
from dragoman.organisations.webhooks import put_webhook
from dragoman.server.limits.limits import check_limits
from dragoman.server.limits.ratelimits import tell
from dragoman.store.database import open_database
from dragoman.types.allowance import Allowance
from tests.library.asking import configure
from tests.server.process import LONG_S, Process, wait_until
from tests.server.serving import ask
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error, tokens

Start = Callable[..., Process]
BODY = {"model": "mine/m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start gateways that end with the test."""
    started: list[Process] = []

    def start(config: str, *arguments: str, **env: str) -> Process:
        home = tmp_path / str(len(started))
        home.mkdir()
        started.append(Process(home, config, *arguments, env=env))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def config(server: FaultUpstream, **keys: str) -> str:
    """Write a provider whose tokens cost a millionth of a dollar each, and keys named k-NAME."""
    models = (
        '[{ id = "m", max_tokens = 100, cost = { input = 1, output = 1 } }, { id = "unpriced" }]'
    )
    text = f'[providers.mine]\nbase_url = "{server.base_url}"\nmodel_defaults = false\n'
    text += f"models = {models}\n"
    for name, limits in keys.items():
        text += f'[[gateway.keys]]\nname = "{name}"\nkey = "k-{name}"\n{limits}\n'
    return text


def post(
    gateway: Process, key: str, path: str = "/v1/chat/completions", **more: Any
) -> tuple[int, Mapping[str, str], Any]:
    status, headers, body = ask(
        f"{gateway.url}{path}", json.dumps({**BODY, **more}).encode(), authorization=f"Bearer {key}"
    )
    return status, {name.lower(): value for name, value in headers.items()}, json.loads(body)


def test_a_limit_says_what_is_left_and_then_how_long_to_wait(start: Start, upstream: Any) -> None:
    server = upstream(chat("Hello"))
    gateway = start(config(server, a="rpm = 2\ntpm = 5000", free=""))
    left = []
    for _ in range(2):
        status, headers, _ = post(gateway, "k-a")
        assert status == 200
        assert headers["x-ratelimit-limit-requests"] == "2"
        assert headers["x-ratelimit-limit-tokens"] == "5000"
        left.append(headers["x-ratelimit-remaining-requests"])
    assert left == ["1", "0"]
    status, headers, body = post(gateway, "k-a")
    assert status == 429
    assert body["error"]["code"] == "rate_limit_exceeded"
    assert "2 requests a minute for this key" in body["error"]["message"]
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert 1 <= int(headers["retry-after"]) <= 61
    assert "x-should-retry" not in headers
    status, headers, body = post(gateway, "k-a", "/v1/messages")
    assert (status, body["error"]["type"]) == (429, "rate_limit_error")
    assert headers["anthropic-ratelimit-requests-limit"] == "2"
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    # Nobody else is held up by it, and who counts tokens is not either.
    status, headers, _ = post(gateway, "k-free")
    assert status == 200
    assert not any("ratelimit" in name for name in headers)
    assert server.received == 3


def test_clients_are_told_of_what_would_refuse_them_and_of_nothing_else() -> None:
    def line(amount: int, **more: Any) -> Line:
        fields = {"id": f"lim_{amount}", "name": "n", "organisation_id": "o", "kind": "key"}
        fields |= {"subject": "k", "measure": "requests", "period": "minute", "amount": amount}
        return Line(term_of(Allowance(**{**fields, **more}), "k"), 1)  # type: ignore[arg-type]

    around = line(1)
    around.optional = True
    waited_for = line(2, id="provider:mine@http://x:rpm", kind="provider")
    lines = [around, waited_for, line(3, mode="soft"), line(9), line(10)]
    told = tell(lines, "/chat/completions", 0.0, passed=True)
    assert told["x-ratelimit-limit-requests"] == "9"
    assert told["x-ratelimit-remaining-requests"] == "8"


def test_official_clients_understand_a_refusal(start: Start, upstream: Any) -> None:
    gateway = start(config(upstream(chat("Hello")), a='budget = 0.00001\nbudget_period = "day"'))
    options: Any = {"api_key": "k-a", "max_retries": 3}
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", **options) as ours,
        anthropic.Anthropic(base_url=gateway.url, **options) as theirs,
    ):
        messages: Any = [{"role": "user", "content": "hi"}]
        with pytest.raises(openai.RateLimitError) as caught:
            ours.chat.completions.create(model="mine/m", messages=messages)
        assert caught.value.code == "budget_exceeded"
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert "retry-after" not in caught.value.response.headers
        assert "may take up to" in caught.value.message
        with pytest.raises(anthropic.APIStatusError) as refused:
            theirs.messages.create(model="mine/m", messages=messages, max_tokens=100)
        assert refused.value.response.headers["x-should-retry"] == "false"
        assert refused.value.body["error"]["type"] == "billing_error"  # type: ignore[index]


def test_a_budget_lets_exactly_so_many_through_also_with_a_restart_in_the_middle(
    start: Start, upstream: Any
) -> None:
    # Four prompt tokens and the six of the answer: ten millionths of a dollar, as reserved.
    server = upstream(chat("Hello", usage=tokens(30, 10)))
    text = config(server, a='budget = 0.0004\nbudget_period = "total"')
    gateway = start(text)
    statuses: list[int] = []

    def many(process: Process, count: int) -> None:
        def one() -> None:
            statuses.append(post(process, "k-a")[0])

        threads = [threading.Thread(target=one) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for _ in range(4):
        assert post(gateway, "k-a")[0] == 200
    gateway.process.kill()
    gateway.stop()
    gateway = Process(gateway.home, text)
    try:
        for _ in range(3):
            many(gateway, 12)
        while post(gateway, "k-a")[0] == 200:
            continue
        assert server.received == 10
        status, headers, body = post(gateway, "k-a")
        assert (status, body["error"]["code"]) == (429, "budget_exceeded")
        assert headers["x-should-retry"] == "false"
        gateway.stop()
        spent = gateway.rows("SELECT sum(cost_nanousd) FROM exchange")
        consumed = gateway.rows("SELECT amount FROM consumption")
        assert spent == consumed == [(400_000,)]
    finally:
        gateway.kill()


def test_what_was_asked_of_nobody_takes_nothing(start: Start, upstream: Any) -> None:
    server = upstream([chat("Hello"), error(400, "no"), chat("Hello")])
    gateway = start(config(server, a="budget = 0.0001\nconcurrency = 1\nrpm = 9"))
    assert post(gateway, "k-a", "/v1/messages/count_tokens", max_tokens=None)[0] != 429
    assert post(gateway, "k-a", model="nobody/m")[0] == 404
    assert post(gateway, "k-a")[0] == 200
    assert post(gateway, "k-a")[0] == 400
    assert post(gateway, "k-a")[0] == 200


LONG_ANSWERS: list[tuple[str, dict[str, Any]]] = [
    ("chat/completions", {"max_output_tokens": 1}),
    ("chat/completions", {"max_completion_tokens": 1, "max_tokens": 150}),
    ("chat/completions", {"n": 3, "max_tokens": 60}),
    ("chat/completions", {"n": 3.0, "max_tokens": 60}),
    ("chat/completions", {"n": "3", "max_tokens": 60}),
    ("chat/completions", {"max_tokens": "150"}),
    ("chat/completions", {"max_tokens": 1e300}),
    ("chat/completions", {"n": 10**20, "max_tokens": 1}),
    ("messages", {"max_tokens": 150, "max_completion_tokens": 1}),
    ("messages", {"max_tokens": 9223372036854775807}),
    ("responses", {"input": "hi", "max_output_tokens": 150, "max_tokens": 1}),
    ("completions", {"prompt": "a", "best_of": 3, "max_tokens": 60}),
    ("completions", {"prompt": ["a", "b", "c"], "max_tokens": 60}),
]


def test_a_budget_holds_for_the_longest_answer_that_an_endpoint_may_give(
    start: Start, upstream: Any
) -> None:
    """Fields of other endpoints bound nothing here: servers that do not know them ignore them."""
    server = upstream(chat("Hello"))
    gateway = start(config(server, a='budget = 0.00011\nbudget_period = "day"'))
    assert post(gateway, "k-a")[0] == 200
    for path, said in LONG_ANSWERS:
        body = {"model": "mine/m", "messages": BODY["messages"], **said}
        status, _, told = ask(
            f"{gateway.url}/v1/{path}", json.dumps(body).encode(), authorization="Bearer k-a"
        )
        assert (status in (402, 429), b"may take up to" in told) == (True, True), (path, said)
    assert server.received == 1


@pytest.mark.parametrize("kind", ["key", "provider"])
def test_two_that_race_are_both_paid_for(kind: str, start: Start, upstream: Any) -> None:
    """The one that lost has its tokens, too: there has to be room for both."""
    server = upstream(chat("Hello"))
    models = ", ".join(
        f'{{ id = "{name}", cost = {{ input = 1, output = 1 }} }}' for name in ("m", "n")
    )
    gateway = start(
        f'[providers.mine]\nbase_url = "{server.base_url}"\nmodels = [{models}]\n'
        '[[gateway.keys]]\nname = "a"\nkey = "k-a"\n'
        '[routes.both]\nmodels = ["mine/m", "mine/n"]\n'
        '[routes.racing]\nmodels = ["mine/m", "mine/n"]\nhedge_after = 0.5\n'
    )
    subject = {"key": "*", "provider": "mine"}[kind]
    limit = {"kind": kind, "subject": subject, "measure": "spend", "period": "total"}
    at = f"{gateway.url}/api/v1/organisations/default/limits/most"
    assert ask(at, json.dumps({**limit, "amount": "0.0015"}).encode(), method="PUT")[0] == 200
    assert post(gateway, "k-a", model="both", max_tokens=1000)[0] == 200
    status, _, refused = post(gateway, "k-a", model="racing", max_tokens=1000)
    assert (status, refused["error"]["code"]) == (429, "budget_exceeded")
    assert post(gateway, "k-a", model="racing", max_tokens=500)[0] == 200


def test_what_the_cache_answers_counts_in_its_minute_and_for_no_quota(
    start: Start, upstream: Any
) -> None:
    cache = "[server.cache]\nenabled = true\n"
    server = upstream(chat("Hello"))
    gateway = start(cache + config(server, a="rpm = 3\nbudget = 0.0001"))
    found = [post(gateway, "k-a") for _ in range(4)]
    assert [status for status, _, _ in found] == [200, 200, 200, 429]
    left = [headers["x-ratelimit-remaining-requests"] for _, headers, _ in found]
    assert left == ["2", "1", "0", "0"]
    assert "of 3 requests a minute" in found[-1][2]["error"]["message"]
    assert server.received == 1


def test_a_refusal_is_not_kept_for_who_asks_again(start: Start, upstream: Any) -> None:
    gateway = start(config(upstream(chat("Hello")), a="budget = 0.000001"))
    body, url = json.dumps(BODY).encode(), f"{gateway.url}/v1/messages"
    for _ in range(2):
        status, headers, _ = ask(url, body, authorization="Bearer k-a", idempotency_key="one")
        assert status == 402
        assert "idempotent-replayed" not in {name.lower() for name in headers}


def test_why_a_request_was_refused_is_on_record(start: Start, upstream: Any) -> None:
    gateway = start(config(upstream(chat("Hello")), a="budget = 0.000001", b="rpm = 1"))
    statuses = [post(gateway, key)[0] for key in ("k-a", "k-b", "k-b")]
    assert statuses == [429, 200, 429]
    gateway.stop()
    rows = gateway.rows("SELECT gateway_key, error, attempt_count FROM exchange ORDER BY id")
    assert rows == [("a", "budget_exceeded", 0), ("b", None, 1), ("b", "rate_limit_exceeded", 0)]


def test_as_many_at_a_time_as_may(start: Start, upstream: Any) -> None:
    server = upstream(chat_stream(["Hel", "lo"]).stall(at=0))
    gateway = start(config(server, a="concurrency = 2"))
    body = json.dumps({**BODY, "stream": True}).encode()
    url = f"{gateway.url}/v1/chat/completions"
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="k-a", max_retries=0) as client:
        held = [
            threading.Thread(target=_give_up, args=(client, number), daemon=True)
            for number in range(2)
        ]
        for thread in held:
            thread.start()
        wait_until(lambda: server.received == 2)
        status, headers, answer = ask(url, body, authorization="Bearer k-a")
        assert status == 429
        assert b"2 requests at a time for this key" in answer
        assert {k.lower(): v for k, v in headers.items()}["retry-after"] == "1"
        for thread in held:
            thread.join()
    # They have left, and made room.
    wait_until(lambda: len(gateway.rows("SELECT 1 FROM exchange")) == 3)


def _give_up(client: openai.OpenAI, number: int) -> None:
    messages: Any = [{"role": "user", "content": f"hi {number}"}]
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="mine/m", messages=messages, stream=True, timeout=5)


def test_a_budget_may_let_unknown_prices_pass_or_block_or_assume_them(
    start: Start, upstream: Any
) -> None:
    gateway = start(
        config(
            upstream(chat("Hello")),
            allow="budget = 0.0001",
            block='budget = 0.0001\nunknown_cost = "block"',
            assume="budget = 0.0001\nassumed_cost = 0.00004",
        )
    )
    for _ in range(3):
        assert post(gateway, "k-allow", model="mine/unpriced")[0] == 200
    status, _, body = post(gateway, "k-block", model="mine/unpriced")
    assert (status, body["error"]["code"]) == (403, "price_unknown")
    assert post(gateway, "k-block")[0] == 200
    statuses = [post(gateway, "k-assume", model="mine/unpriced")[0] for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize("reported", [True, False], ids=["reported", "by the hour"])
def test_a_used_up_budget_lets_nothing_pass_but_what_is_free(
    start: Start, upstream: Any, reported: bool
) -> None:
    usage = {**tokens(30, 10), "cost": 0.00006} if reported else tokens(30, 10)
    server = upstream(chat("Hello", usage=usage) if reported else chat("Hello").stall(0.5, at=0))
    gateway = start(
        f'[providers.mine]\nbase_url = "{server.base_url}"\nmodel_defaults = false\n'
        f"{'' if reported else 'cost_per_hour = 0.5'}\n"
        f'[providers.own]\nbase_url = "{upstream(chat("Hello")).base_url}"\nfree = true\n'
        '[[gateway.keys]]\nname = "a"\nkey = "k-a"\n'
        f"budget = {0.0001 if reported else 0.00835}\n"
    )
    statuses = [post(gateway, "k-a")[0] for _ in range(3)]
    assert statuses == ([200, 200, 429] if reported else [200, 429, 429])
    assert post(gateway, "k-a", model="own/m")[0] == 200


def test_a_budget_of_a_model_blocks_its_unknown_price_and_a_route_goes_around_it(
    start: Start, upstream: Any
) -> None:
    route = '[routes.both]\nmodels = ["mine/unpriced", "mine/m"]\n'
    gateway = start(config(upstream(chat("Hello")), a="rpm = 99") + route)
    limit = {"kind": "model", "subject": "mine/unpriced", "measure": "spend", "period": "day"}
    body = json.dumps({**limit, "amount": "1", "unknown": "block"}).encode()
    at = f"{gateway.url}/api/v1/organisations/default/limits/priced"
    assert ask(at, body, method="PUT")[0] == 200
    status, _, refused = post(gateway, "k-a", model="mine/unpriced")
    assert (status, refused["error"]["code"]) == (403, "price_unknown")
    status, headers, _ = post(gateway, "k-a", model="both")
    assert (status, headers["x-dragoman-model"]) == (200, "m")


def test_webhooks_hear_once_that_most_and_all_of_a_budget_is_used(
    tmp_path: Path, upstream: Any
) -> None:
    server = upstream(chat("Hello", usage=tokens(30, 10)))
    hook = upstream(chat("taken"))
    secret_key = new_key()
    desk = Desk(tmp_path / ".local/share/dragoman/dragoman.db")
    desk.place.parent.mkdir(parents=True)  # type: ignore[union-attr]
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": secret_key})
    url = f"http://127.0.0.1:{hook.port}/"
    _, secret = put_webhook(desk, safe, SYSTEM, "default", "ours", url=url)
    desk.close()
    assert secret is not None
    env = {"DRAGOMAN_SECRET_KEY": secret_key}
    text = config(server, a='budget = 0.0004\nbudget_period = "day"')
    gateway = Process(tmp_path, text, env=env)
    try:
        for _ in range(12):
            post(gateway, "k-a")
        wait_until(lambda: hook.received == 2)
        gateway.stop()
    finally:
        gateway.kill()
    said = [request.json() for request in hook.requests]
    assert {one["event"] for one in said} == {"budget.warning", "budget.exhausted"}
    assert {one["data"]["percent"] for one in said} == {80, 100}
    assert {one["data"]["allowed"] for one in said} == {"$0.0004 a day"}


def refused(home: Path, text: str, *arguments: str) -> str:
    """Try to start a gateway that must not; give what it says."""
    file = home / "config.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "dragoman", "serve", "--config", str(file), "--port", "0"]
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*command, *arguments], env=env, capture_output=True, text=True, timeout=LONG_S, check=False
    )
    assert done.returncode == 78, done
    return done.stderr


def test_several_workers_refuse_to_start_with_limits_and_without_redis(
    tmp_path: Path, upstream: Any
) -> None:
    text = config(upstream(chat("Hello")), a="rpm = 2")
    told = refused(tmp_path, text, "--workers", "2")
    assert "2 workers cannot keep limits without Redis" in told
    assert "DRAGOMAN_REDIS_URL" in told


def test_a_limit_that_several_workers_cannot_keep_says_what_the_operator_has_to_do(
    start: Start, upstream: Any
) -> None:
    """It was set from the command line, which does not know what the gateway was started with."""
    gateway = start(config(upstream(chat("Hello")), a=""), "--workers", "2")
    assert post(gateway, "k-a")[0] == 200
    place = gateway.home / ".local/share/dragoman/dragoman.db"
    with closing(Desk(place)) as desk:
        rate = Draft(measure="requests", period="minute", amount=Decimal(9))
        put_allowance(desk, SYSTEM, "default", "rate", rate)
    words = "several workers cannot keep those that were set without Redis"
    wait_until(lambda: gateway.said(words) == 2)  # each worker says it
    for _ in range(5):
        status, headers, answer = post(gateway, "k-a")
        assert status == 503
        assert "again" not in answer["error"]["message"]
        assert "DRAGOMAN_REDIS_URL" in answer["error"]["message"]
        assert headers["x-should-retry"] == "false"
    assert gateway.said(words) == 2
    with closing(Desk(place)) as desk:
        delete_allowance(desk, SYSTEM, "default", "rate")
    wait_until(lambda: post(gateway, "k-a")[0] == 200)


def test_a_budget_without_a_ledger_is_refused(tmp_path: Path, upstream: Any) -> None:
    text = config(upstream(chat("Hello")), a="budget = 2") + "[server]\nlog = false\n"
    assert "no ledger is kept" in refused(tmp_path, text)


def test_a_budget_in_the_database_without_a_ledger_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "dragoman.db"
    open_database(place).close()
    budget = Draft(measure="spend", period="month", amount=Decimal(5))
    with closing(Desk(place)) as desk:
        put_allowance(desk, SYSTEM, "default", "team", budget)
    without, kept = configure({}, server={"log": False}), configure({})
    with pytest.raises(ConfigError, match="no ledger is kept"):
        check_limits(without, {}, place)
    check_limits(kept, {}, place)
    with closing(Desk(place)) as desk:
        delete_allowance(desk, SYSTEM, "default", "team")
    check_limits(without, {}, place)


@pytest.mark.parametrize("wrong", ["rpm = 0", "budget = -1", 'budget_period = "year"'])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, upstream: Any, wrong: str) -> None:
    told = refused(tmp_path, config(upstream(chat("Hello")), a=wrong))
    assert wrong.partition(" ")[0] in told
