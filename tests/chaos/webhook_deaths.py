"""Gateways that are killed with webhooks still to be told: each of them hears, and of all of it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.safe import Safe
from dragoman.organisations.webhooks import put_webhook
from tests.chaos.flood import flood
from tests.chaos.limits import ANSWER, kill_all, needs_redis
from tests.server.process import Process
from tests.upstream.fault import FaultUpstream, Request, chat, models
from tests.upstream.redis import RedisServer
from tests.upstream.script import Script, Stall

LONG_S = 120.0
ALLOWED = 5
"""So often each key may ask: with the fourth it is at 80 %, with the fifth at 100 %."""
WEBHOOKS = ("one", "two")


def webhook_deaths(*, full: bool) -> Mapping[str, float]:
    """Kill a gateway whose webhooks do not answer: later all is delivered, marks once each."""
    rounds, keys, workers, hung = (4, 25, 4, 12) if full else (1, 4, 2, 0)
    names = [[f"r{number}k{key}" for key in range(keys)] for number in range(rounds)]
    with ExitStack() as stack:
        enter = stack.enter_context
        receiver = enter(FaultUpstream(_hanging(hung), down=True))
        shaky = enter(FaultUpstream(lambda _: models("m"), down=True))
        upstream = enter(FaultUpstream(ANSWER, record=False))
        redis = enter(RedisServer(needs_redis()))
        home = Path(enter(TemporaryDirectory()))
        env = {"DRAGOMAN_SECRET_KEY": new_key(), "DRAGOMAN_REDIS_URL": redis.new().url}
        _listen(home, env, receiver.port)
        text = _config(upstream, shaky, [name for some in names for name in some])

        def start() -> Process:
            made = Process(home, text, "--workers", str(workers), env=env)
            stack.callback(made.kill)
            return made

        gateway = start()
        for number, some in enumerate(names):
            for name in some:
                _use_up(gateway, f"k-{name}")
            if number == rounds - 1:
                receiver.come_back()
            kill_all(gateway)
            gateway = start()
        marks = 2 * keys * rounds
        _until(gateway, lambda told: told == {"delivered": len(WEBHOOKS) * (marks + 1)})
        shaky.come_back()
        _until(gateway, lambda told: told == {"delivered": len(WEBHOOKS) * (marks + 2)})
        gateway.stop()
        twice = _check(receiver.requests, [name for some in names for name in some])
    return {"deaths": rounds, "news": marks + 2, "sent_again": twice}


def _use_up(gateway: Process, key: str) -> None:
    """Ask as often as a key may: on a busy machine some are told that nobody can count now."""
    answered = 0
    while answered < ALLOWED:
        answered += flood(gateway.url, key, ALLOWED + 3)[200]


def _hanging(count: int) -> Callable[[Request], Script]:
    """Take what is delivered, after so many times in which nothing is answered."""
    seen: list[Request] = []

    def answer(request: Request) -> Script:
        seen.append(request)
        return (Stall(),) if len(seen) <= count else chat("taken")

    return answer


def _listen(home: Path, env: Mapping[str, str], port: int) -> None:
    place = home / ".local/share/dragoman/dragoman.db"
    place.parent.mkdir(parents=True)
    with closing(Desk(place)) as desk:
        for name in WEBHOOKS:
            url = f"http://127.0.0.1:{port}/{name}"
            put_webhook(desk, Safe(desk, env), SYSTEM, "default", name, url=url)


def _config(upstream: FaultUpstream, shaky: FaultUpstream, names: list[str]) -> str:
    text = f"""
[providers.mine]
base_url = "{upstream.base_url}"
models = [{{ id = "m", max_tokens = 100, cost = {{ input = 1, output = 1 }} }}]
[providers.shaky]
base_url = "{shaky.base_url}"
check = {{ interval = 1 }}
"""
    for name in names:
        text += f'[[gateway.keys]]\nname = "{name}"\nkey = "k-{name}"\nbudget = 0.0002\n'
    return text


def _until(gateway: Process, holds: Callable[[Mapping[str, int]], bool]) -> None:
    """Wait until the deliveries are as they are to be, by their state."""
    until = time.monotonic() + LONG_S
    found: Mapping[str, int] = {}
    while not holds(found):
        assert time.monotonic() < until, (found, gateway.rows("SELECT * FROM delivery LIMIT 3"))
        time.sleep(0.1)
        try:
            found = dict(gateway.rows("SELECT state, count(*) FROM delivery GROUP BY state"))
        except sqlite3.OperationalError:
            continue


def _check(requests: list[Request], names: list[str]) -> int:
    """See that each webhook was told each piece of news under one id; count what came again."""
    bodies: dict[str, bytes] = {}
    news: Counter[tuple[Any, ...]] = Counter()
    for request in requests:
        id_ = request.header("dragoman-delivery")
        assert id_ is not None
        assert request.json()["id"] == id_
        assert bodies.setdefault(id_, request.body) == request.body
    whose = {request.header("dragoman-delivery"): request.path for request in requests}
    for id_, body in bodies.items():
        said = json.loads(body)
        data = said["data"]
        news[whose[id_], said["event"], data.get("subject"), data.get("provider")] += 1
    wanted = {
        (f"/{webhook}", event, f"file:{name}", None)
        for webhook in WEBHOOKS
        for name in names
        for event in ("budget.warning", "budget.exhausted")
    } | {
        (f"/{webhook}", event, None, "shaky")
        for webhook in WEBHOOKS
        for event in ("provider.down", "provider.up")
    }
    assert set(news) == wanted, set(news) ^ wanted
    assert set(news.values()) == {1}, [one for one, count in news.items() if count > 1]
    return len(requests) - len(bodies)
