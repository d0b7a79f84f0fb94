"""Providers that are watched, conversations that stay, machines that are paid by the hour."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman.catalog.pricing import compute_cost
from dragoman.config import Secrets
from dragoman.engine.call import Surroundings
from dragoman.errors import ServerError
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.providers import delete_provider
from dragoman.registry import Registry
from dragoman.routing.plan import order
from dragoman.server.admission.access import Principal
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.snapshot import Snapshot, take_snapshot
from dragoman.server.admission.tenants import Tenants
from dragoman.server.telemetry.checks import Checks
from dragoman.server.telemetry.turns import Turn, Turns
from dragoman.transport.dial import Network
from dragoman.types.checked import Checked
from dragoman.types.model import Price
from dragoman.types.provider import Check
from dragoman.types.usage import Usage
from tests.library.asking import configure
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.server.tenancy import Team
from tests.upstream.fault import FaultUpstream, chat, error, models

Start = Callable[..., Any]
SAY: Any = [{"role": "user", "content": "hi"}]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


Watched = tuple[Checks, Snapshot, list[Turn]]


@pytest.fixture
def watched() -> Iterator[Callable[..., Watched]]:
    """Watch providers: `watched(clock, providers, folder)`."""
    with contextlib.ExitStack() as stack:

        def begin(clock: Clock, providers: dict[str, Any], folder: Path | None = None) -> Watched:
            made = _watch(clock, providers, folder)
            stack.callback(made[0].close)
            return made

        yield begin


def _watch(clock: Clock, providers: dict[str, Any], folder: Path | None) -> Watched:
    around = Surroundings(secrets=Secrets({}), clock=clock, wall=clock)
    config = configure(providers)
    snapshot = take_snapshot(config, around, discovered={}, listening="127.0.0.1")
    checks = Checks(lambda: snapshot, None, Network, folder)
    told: list[Turn] = []
    checks.turns.observers.append(told.append)
    return checks, snapshot, told


def look(checks: Checks, clock: Clock, after_s: float = 0.0) -> None:
    clock.now += after_s
    asyncio.run(checks.look())


def first_of(snapshot: Snapshot, clock: Clock, ref: Any) -> list[bool]:
    """Say of each deployment whether it is taken for away."""
    found = Registry(snapshot.config).resolve(ref).deployments
    return [snapshot.around.health.cooling_until(d, clock.now) > 0 for d in found]


def test_a_provider_that_does_not_answer_is_asked_last_until_it_does(
    upstream: Start, watched: Start
) -> None:
    clock = Clock()
    with FaultUpstream([error(503), models("m")]) as shaky:
        good = upstream(models("m"))
        checks, snapshot, told = watched(
            clock,
            {
                "shaky": {"base_url": shaky.base_url, "check": {"interval": 10}},
                "good": {"base_url": good.base_url, "check": True},
            },
        )
        look(checks, clock)
        assert shaky.requests == []  # nobody is asked before the worker has begun
        look(checks, clock, 3)
        assert first_of(snapshot, clock, ("shaky/m", "good/m")) == [True, False]
        assert checks.last((None, "shaky")) == Checked(clock.now, "upstream_error")
        assert checks.last((None, "good")) == Checked(clock.now)
        assert checks.last(("acme", "good")) is None
        look(checks, clock, 5)
        assert len(shaky.requests) == 1
        look(checks, clock, 6)
        assert first_of(snapshot, clock, ("shaky/m", "good/m")) == [False, False]
    assert [(turn.provider, turn.up, turn.reason) for turn in told] == [
        ("shaky", False, "it answered 503"),
        ("shaky", True, None),
    ]


def test_providers_that_say_nothing_take_nobody_else_s_threads(watched: Start) -> None:
    """The event loop's own threads are few, and requests and the control plane need them."""
    clock = Clock()
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        check = {"interval": 10, "timeout": 1}
        checks, _, told = watched(clock, {"silent": {"base_url": url, "check": check}})

        silent.setblocking(False)

        async def look_and_work() -> None:
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(1))
            await checks.look()
            clock.now += 3
            looking = asyncio.create_task(checks.look())
            asking, _ = await loop.sock_accept(silent)
            with asking:
                await asyncio.to_thread(lambda: None)
                assert checks.last((None, "silent")) is None, "it has been waited for"
                await looking

        asyncio.run(look_and_work())
    assert [(turn.provider, turn.up) for turn in told] == [("silent", False)]


def test_one_that_says_nothing_hides_nobody_s_outage_and_keeps_nobody_from_stopping(
    upstream: Start, watched: Start
) -> None:
    clock, box = Clock(), upstream(lambda _: error(503))
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.setblocking(False)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        said = {
            "silent": {"base_url": url, "check": {"timeout": 30}},
            "box": {"base_url": box.base_url, "check": True},
        }
        _, snapshot, _ = watched(clock, said)
        checks = Checks(lambda: snapshot, None, Network, patience_s=0.1)

        async def look_and_stop() -> None:
            loop = asyncio.get_running_loop()
            await checks.look()
            clock.now += 3
            while checks.last((None, "box")) is None:
                await checks.look()
            assert checks.last((None, "silent")) is None, "it has been waited for"
            asking, _ = await loop.sock_accept(silent)
            checks.close()
            with asking:
                async with asyncio.timeout(10):
                    while await loop.sock_recv(asking, 1000):
                        pass

        asyncio.run(look_and_stop())
        assert first_of(snapshot, clock, ("silent/m", "box/m")) == [False, True]


@pytest.mark.parametrize(
    ("said", "asked"),
    [({}, False), ({"free": True}, True), ({"free": True, "check": False}, False),
     ({"check": True}, True)],
)  # fmt: skip
def test_only_the_free_are_asked_unless_it_is_said(
    upstream: Start, watched: Start, said: dict[str, Any], asked: bool
) -> None:
    clock, up = Clock(), upstream(models("m"))
    checks, _, _ = watched(clock, {"one": {"base_url": up.base_url, **said}})
    look(checks, clock)
    look(checks, clock, 60)
    assert [request.path for request in up.requests] == (["/v1/models"] if asked else [])


def test_a_check_is_asked_for_no_oftener_and_no_longer_than_it_may() -> None:
    said = {"base_url": "http://h/v1", "check": {"interval": 0.1, "timeout": 86400}}
    (one,) = configure({"one": said}).custom
    assert one.check == Check(interval=5.0, timeout=30.0)


def test_of_several_workers_one_asks_and_all_know(
    tmp_path: Path, upstream: Start, watched: Start
) -> None:
    clock = Clock()
    up = upstream(lambda _: error(500))
    said = {"one": {"base_url": up.base_url, "check": True}}
    leader, _, told = watched(clock, said, tmp_path)
    other, seen, told_too = watched(clock, said, tmp_path)
    for _ in range(2):
        look(leader, clock, 3)
        look(other, clock)
    assert len(up.requests) == 1
    assert first_of(seen, clock, "one/m") == [True]
    assert [turn.up for turn in told] == [turn.up for turn in told_too] == [False]


def test_what_was_heard_long_ago_says_nothing(
    tmp_path: Path, upstream: Start, watched: Start
) -> None:
    clock = Clock()
    up = upstream(lambda _: error(500))
    said = {"one": {"base_url": up.base_url, "check": {"interval": 10}}}
    leader, _, _ = watched(clock, said, tmp_path)
    other, seen, _ = watched(clock, said, tmp_path)
    look(leader, clock)
    look(leader, clock, 3)
    look(other, clock)
    look(other, clock, 100)
    assert first_of(seen, clock, "one/m") == [False]


def test_a_turn_is_logged_once_whoever_sees_it_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = Turns(tmp_path), Turns(tmp_path)
    told: list[Turn] = []
    for turns in (one, two):
        turns.observers.append(told.append)
        turns.note([((None, "acme"), "gone")], 1.0)
    for turns in (two, one):
        turns.note([], 2.0)
        turns.note([], 3.0)
    assert [record.message for record in caplog.records] == [
        "provider 'acme' is down: gone",
        "provider 'acme' is back",
    ]
    # Which of them is news is found out where it is written down.
    assert [(turn.up, turn.at) for turn in told] == [(False, 1.0)] * 2 + [(True, 2.0)] * 2


def test_what_was_down_before_we_began_is_back_when_it_has_answered() -> None:
    turns, told = Turns(), list[Turn]()
    turns.observers.append(told.append)
    acme, other = (None, "acme"), ("org_1", "other")
    turns.remember([acme, other])
    turns.note([], 1.0)  # nobody has asked yet: nobody knows
    turns.note([(other, "gone")], 2.0, answering=[acme])
    turns.note([], 3.0)
    assert [(turn.provider, turn.up, turn.at) for turn in told] == [
        ("other", False, 2.0), ("acme", True, 2.0), ("other", True, 3.0)
    ]  # fmt: skip


def test_what_is_not_configured_any_more_is_not_back() -> None:
    turns, told = Turns(), list[Turn]()
    turns.observers.append(told.append)
    before, removed, acme = (None, "before"), (None, "removed"), (None, "acme")
    turns.remember([before])
    turns.note([(removed, "gone"), (acme, "gone")], 1.0)
    turns.note([], 2.0, gone={before, removed}.__contains__)
    turns.note([], 3.0, gone={before, removed}.__contains__)
    ended = {turn.provider: turn.gone for turn in told if turn.up}
    assert (ended, len(told)) == ({"acme": False, "before": True, "removed": True}, 5)


def test_a_provider_that_is_taken_out_of_the_file_is_not_told_to_be_back(
    upstream: Start, tmp_path: Path
) -> None:
    fails = threading.Event()
    shaky = upstream(lambda _: error(503) if fails.is_set() else models("m"))
    hook = '[providers.hook]\nbase_url = "http://127.0.0.1:9/v1"\n'
    text = f'{hook}[providers.shaky]\nbase_url = "{shaky.base_url}"\ncheck = {{ interval = 1 }}\n'
    process = Process(tmp_path, text)
    try:
        body = json.dumps({"url": "http://127.0.0.1:9/"}).encode()
        url = f"{process.url}/api/v1/organisations/default/webhooks"
        status, _, said = ask(f"{url}/ops", body, method="PUT")
        assert status == 200, said
        fails.set()  # not before: of what is told then, nobody hears who is not there yet
        wait_until(lambda: process.rows("SELECT event FROM delivery") == [("provider.down",)])
        process.file.write_text(hook)
        wait_until(lambda: process.rows("SELECT provider FROM outage") == [])
        assert process.rows("SELECT event FROM delivery") == [("provider.down",)]
        wait_until(lambda: process.said("provider 'shaky' is not configured any more") == 1)
    finally:
        process.kill()


def test_an_organisation_s_provider_is_not_back_because_something_was_changed(
    tmp_path: Path,
) -> None:
    """Until the organisation asks again nothing is known of what is down there."""
    clock, told = Clock(), list[tuple[str, bool, bool]]()
    around = Surroundings(secrets=Secrets({}), clock=clock, wall=clock)
    base = take_snapshot(configure({}), around, discovered={}, listening="127.0.0.1")

    async def work(team: Team) -> None:
        red = team.organisation("red")
        team.provider(red, "asked", "http://127.0.0.1:9/v1", check={"interval": 10})
        team.provider(red, "failing", "http://127.0.0.1:9/v1", check=False)
        directory = Directory(team.desk, team.safe)
        tenants = Tenants(directory)
        checks = Checks(lambda: base, tenants, Network)
        checks.turns.observers.append(lambda t: told.append((t.provider, t.up, t.gone)))

        async def rebuild() -> Snapshot:
            return await tenants.build(Principal(organisation_id=red), base)

        async def look() -> list[tuple[str, bool, bool]]:
            told.clear()
            await directory.look()
            for _ in range(2):
                clock.now += 2.5
                await checks.look()
            return sorted(told)

        with closing(directory), closing(checks):
            await directory.look()
            seen = await rebuild()
            [failing] = seen.registry.resolve("failing/m").deployments
            for _ in range(3):
                seen.around.health.failed(failing, ServerError("no"), clock.now)
            assert await look() == [("asked", False, False), ("failing", False, False)]
            team.provider(red, "other", "http://127.0.0.1:9/v1", check=False)
            assert await look() == []
            await rebuild()
            assert await look() == []
            seen.around.health.succeeded(failing, clock.now)
            assert await look() == [("failing", True, False)]
            delete_provider(team.desk, SYSTEM, red, "asked")
            assert await look() == [("asked", True, True)]

    with Team(tmp_path / "dragoman.db") as team:
        asyncio.run(work(team))


def test_requests_that_keep_failing_are_told_too(upstream: Start, serve: Start) -> None:
    up = upstream(lambda _: error(500))
    served = serve({"one": {"base_url": up.base_url, "retries": 2}})
    with pytest.raises(Exception, match="said no"):
        served.openai().chat.completions.create(model="one/m", messages=SAY)
    assert served.gateway.snapshot.around.health.failing(3) == {"one"}


# -------------------------------------------------------------------------------------- sticky


def test_a_conversation_stays_where_it_began_through_the_gateway(
    upstream: Start, serve: Start
) -> None:
    ups = {name: upstream(lambda _, name=name: chat(name)) for name in ("a", "b", "c")}
    models_ = [{"model": f"{name}/m", "weight": 1} for name in ups]
    providers = {name: {"base_url": up.base_url} for name, up in ups.items()}
    routes = {"smart": {"models": models_, "sticky": True}}
    gateways = [serve(providers, routes=routes) for _ in range(2)]
    where: dict[int, set[str]] = {}
    for number in range(12):
        turns: list[Any] = [{"role": "system", "content": "Be brief."}]
        for turn in range(3):
            turns.append({"role": "user", "content": f"question {number}, turn {turn}"})
            client = gateways[turn % 2].openai()
            made = client.chat.completions.create(model="smart", messages=turns)
            said = made.choices[0].message.content or ""
            where.setdefault(number, set()).add(said)
            turns.append({"role": "assistant", "content": said})
    assert all(len(found) == 1 for found in where.values())
    assert len(set.union(*where.values())) == 3


def test_shares_hold_for_conversations_and_one_that_goes_moves_no_other() -> None:
    config = configure({name: {"base_url": "http://x/v1"} for name in "abc"},
                       routes={"r": {"models": [{"model": "a/m", "weight": 1},
                                                {"model": "b/m", "weight": 1},
                                                {"model": "c/m", "weight": 2}]}})  # fmt: skip
    deployments = Registry(config).resolve("r").deployments
    lots = [f"lot {number}" for number in range(4000)]
    first = [order(deployments, lambda: 0.5, lot)[0].provider.name for lot in lots]
    assert abs(first.count("c") - 2000) < 150
    without = [order(deployments[1:], lambda: 0.5, lot)[0].provider.name for lot in lots]
    moved = [now for was, now in zip(first, without, strict=True) if was != "a" and was != now]
    assert moved == []


# ------------------------------------------------------------------------------- by the hour


@pytest.mark.parametrize(
    ("per_hour", "shared_by", "duration_s", "nano"),
    [
        ("3.6", 1, 1.0, 1_000_000),
        ("3.6", 4, 1.0, 250_000),
        ("2.5", 1, 0.0, 0),
        ("2.5", 3, 12.345678, 2_857_796),
        ("0.0000036", 1, 0.0000015, 0),
    ],
)
def test_time_on_a_machine_costs_its_share_of_the_hour(
    per_hour: str, shared_by: int, duration_s: float, nano: int
) -> None:
    price = Price(per_hour=Decimal(per_hour), shared_by=shared_by)
    assert compute_cost(Usage(), price, duration_s) == (nano, "machine_time")
    assert compute_cost(Usage(), price) == (None, "unknown")


def test_a_request_to_a_machine_by_the_hour_costs_by_its_time(
    upstream: Start, serve: Start
) -> None:
    up = upstream(chat("hi"))
    served = serve(
        {
            "gpu": {
                "base_url": up.base_url,
                "cost_per_hour": 3600,
                "limits": {"concurrency": 2},
                "models": [
                    {"id": "own", "cost_per_hour": 7200},
                    {"id": "told", "cost": {"input": 1, "output": 1}},
                ],
            }
        }
    )
    client = served.openai()
    for number, model in enumerate(("any", "own", "told"), 1):
        client.chat.completions.create(model=f"gpu/{model}", messages=SAY)
        (attempt,) = served.seen.wait(number).attempts
        if model == "told":
            assert (attempt.cost_source, attempt.cost_nanousd) == ("config", 10_000)
            continue
        per_second = 10**9 if model == "own" else 10**9 // 2
        assert attempt.cost_source == "machine_time"
        assert attempt.cost_nanousd == round(round(attempt.duration_s * 1e6) * per_second / 10**6)
