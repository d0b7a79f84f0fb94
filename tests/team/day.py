"""A day of a team: two organisations, four workers, and everything breaks once."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from dragoman.organisations.master_keys import new_key
from dragoman.store.database import Server
from tests.server.process import Process, children, wait_until
from tests.team.clients import LANGUAGES, Client, Outcome
from tests.team.office import Office
from tests.team.provider import OwnProvider
from tests.upstream.postgres import PostgresServer
from tests.upstream.postgres import find_binaries as find_postgres
from tests.upstream.redis import RedisServer
from tests.upstream.redis import find_server as find_redis
from tests.upstream.tls import Authority

OPERATOR, PASSWORD = "operator@localhost", "a password for one day"
TEAMS = {"red": "redai", "blue": "blueai"}
"""Organisations, and what each calls its provider."""
TRIAL = 5
LATER_S = 0.2
"""Who is told to come later does, though sooner than told."""
CONFIG = '[server]\negress_allow = ["127.0.0.1"]\ndrain = 20\n'


class Team:
    """An organisation as its people see it."""

    def __init__(self, office: Office, gateway: Process, name: str, provider: OwnProvider) -> None:
        self.name = name
        self.provider = provider
        self.token = f"sk-{name}-0123456789abcdef"
        self.model = f"{TEAMS[name]}/m"
        self.outcomes: list[Outcome] = []
        do, at = office.do, f"organisations/{name}"
        do("POST", "organisations", name=name)
        account = do("POST", "accounts", email=f"admin@{name}.example", password=PASSWORD)
        do("PUT", f"{at}/members/{account['id']}", role="admin")
        self.admin = Office(gateway.url, f"admin@{name}.example", PASSWORD)
        do = self.admin.do
        do(
            "PUT",
            f"{at}/providers/{TEAMS[name]}",
            base_url=provider.base_url,
            token=self.token,
            retries=0,
            models=[{"id": "m", "max_tokens": 100, "cost": {"input": 2, "output": 8.001}}],
        )
        do("PUT", f"{at}/limits/all", measure="spend", period="total", amount=1000)
        do(
            "PUT",
            f"{at}/limits/each",
            kind="key",
            subject="*",
            measure="spend",
            period="day",
            amount=900,
        )
        self.key = do("POST", f"{at}/keys", name="work")["key"]
        trial = do("POST", f"{at}/keys", name="trial")
        self.trial_key = trial["key"]
        do(
            *("PUT", f"{at}/limits/trial"),
            kind="key",
            subject="trial",
            measure="requests",
            period="total",
            amount=TRIAL,
        )

    def client(self, gateway: Process, key: str | None = None) -> Client:
        return Client(gateway.url, key or self.key, self.model)


def day(*, full: bool) -> Mapping[str, float]:
    """A team's day with 10 000 requests and every fault: the books balance to the nano-dollar."""
    requests, workers, threads = (10_000, 4, 16) if full else (240, 2, 8)
    postgres, redis = find_postgres(), find_redis()
    assert postgres is not None, "there is no PostgreSQL (Debian's package: postgresql)"
    assert redis is not None, "there is no Redis (Debian's package: redis-server)"
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        authority = Authority(home)
        database = stack.enter_context(PostgresServer(postgres))
        cache = stack.enter_context(RedisServer(redis))
        place = database.new()
        env = {
            "DRAGOMAN_ADMIN_PASSWORD": PASSWORD,
            "DRAGOMAN_DATABASE_URL": place.url,
            "DRAGOMAN_REDIS_URL": cache.new().url,
            "DRAGOMAN_SECRET_KEY": new_key(),
            "SSL_CERT_FILE": str(authority.ca_file),
        }
        gateway = Process(home, CONFIG, "--workers", str(workers), env=env)
        stack.callback(gateway.kill)
        office = Office(gateway.url, OPERATOR, PASSWORD)
        teams = [
            Team(office, gateway, name, stack.enter_context(OwnProvider(authority.server())))
            for name in TEAMS
        ]
        _try_out(teams, gateway)
        faults = _faults(gateway, database, cache, teams)
        _work(teams, gateway, requests, threads, faults)
        _look_at_each_other(teams, gateway)
        code, _, said = gateway.stop()
        assert code == 0, said
        assert "Traceback" not in said, said
        figures = [_balance(place, team) for team in teams]
    told = Counter(outcome.status for team in teams for outcome in team.outcomes)
    whole = sum(outcome.whole for team in teams for outcome in team.outcomes)
    return {
        "requests": told.total(),
        "whole": whole,
        **{f"status {status}": told[status] for status in sorted(told)},
        "recorded": sum(rows for rows, _ in figures),
        "nanousd": sum(cost for _, cost in figures),
    }


def _try_out(teams: list[Team], gateway: Process) -> None:
    """See that a new key works at once, and that a small limit is exact from the first request."""
    for team in teams:
        told: Counter[int] = Counter()

        def used_up(team: Team = team, told: Counter[int] = told) -> bool:
            with team.client(gateway, team.trial_key) as client:
                told[client.ask(LANGUAGES[0], stream=False).status] += 1
            return told[429] >= 2 * TRIAL

        wait_until(used_up)
        assert not told[401], told
        assert team.provider.received == TRIAL, (team.provider.received, told)


def _faults(
    gateway: Process, database: PostgresServer, cache: RedisServer, teams: list[Team]
) -> list[tuple[float, Callable[[], None]]]:
    """Say what happens when so much of the day is over."""

    def kill() -> None:
        os.kill(int(children(gateway.process.pid)[0]), signal.SIGKILL)

    return [
        (0.1, kill),
        (0.2, lambda: database.stop(signal.SIGQUIT)),
        (0.3, database.start),
        (0.4, cache.stop),
        (0.5, cache.start),
        (0.6, teams[0].provider.down.set),
        (0.65, kill),
        (0.7, teams[0].provider.down.clear),
        (0.8, kill),
    ]


def _work(
    teams: list[Team],
    gateway: Process,
    requests: int,
    threads: int,
    faults: list[tuple[float, Callable[[], None]]],
) -> None:
    """Let everybody ask, in every way, while faults happen."""
    numbers = itertools.count()
    done = threading.Semaphore(0)
    wrong: list[BaseException] = []
    patience = threading.Event()  # never set: what waits for it waits for a while

    def ask() -> None:
        try:
            with ExitStack() as stack:
                clients = [stack.enter_context(team.client(gateway)) for team in teams]
                while (number := next(numbers)) < requests:
                    team = number % len(teams)
                    language = LANGUAGES[number // 2 % len(LANGUAGES)]
                    client = clients[team]
                    way = client.ask_with_library if number % 5 == 0 else client.ask
                    outcome = way(language, stream=number // 6 % 2 == 0)
                    teams[team].outcomes.append(outcome)
                    done.release()
                    if outcome.status == 503:
                        patience.wait(LATER_S)
        except BaseException as error:
            wrong.append(error)
            raise

    everybody = [threading.Thread(target=ask) for _ in range(threads)]
    for one in everybody:
        one.start()
    try:
        over = 0
        for part, happen in faults:
            while over < part * requests:
                assert done.acquire(timeout=120), "nobody was answered any more"
                over += 1
            happen()
    finally:
        for one in everybody:
            one.join()
    assert not wrong, wrong
    for team in teams:
        told = Counter(outcome.status for outcome in team.outcomes)
        # Whatever is away, no key is said to be wrong, and nobody is told to pay.
        assert not set(told) & {400, 401, 402, 403, 404}, told
        assert told[200] > len(team.outcomes) / 10, told


def _look_at_each_other(teams: list[Team], gateway: Process) -> None:
    """See that neither organisation finds the other, by any way."""
    for team in teams:  # the last worker that was killed may only now be replaced
        with team.client(gateway) as client:
            wait_until(lambda client=client: client.ask(LANGUAGES[0], stream=False).whole)  # type: ignore[misc]
    for team, other in (teams, teams[::-1]):
        seen = other.provider.received
        with Client(gateway.url, team.key, other.model) as client:
            for language in LANGUAGES:
                refused = client.ask(language, stream=False)
                assert refused.status == 404, (refused, client.said)
        assert other.provider.received == seen
        assert team.provider.authorisations == {f"Bearer {team.token}"}
        with team.client(gateway) as client:
            offered = client.models()
        assert team.model in offered
        assert not [name for name in offered if TEAMS[other.name] in name]
        # Nobody has enabled a provider of the gateway's own for them: there is none.
        assert {name.partition("/")[0] for name in offered} == {TEAMS[team.name]}
        assert team.admin.do("GET", f"organisations/{team.name}/built-in-providers")["items"] == []
        with Client(gateway.url, team.key, "demo/echo") as client:
            assert client.ask(LANGUAGES[0], stream=False).status == 404
        for path in ("", "/keys", "/providers", "/usage", "/requests", f"/limits/{other.name}"):
            status, _, found = team.admin.ask("GET", f"organisations/{other.name}{path}")
            assert status == 404, (path, found)
        listed = team.admin.do("GET", "organisations")["items"]
        assert [organisation["name"] for organisation in listed] == [team.name]
        assert TEAMS[other.name] not in str(
            team.admin.do("GET", f"organisations/{team.name}/usage")
        )


def _balance(place: Server, team: Team) -> tuple[int, int]:
    """Hold all books of an organisation against each other. Gives its rows and nano-dollars."""
    with psycopg.connect(place.url, row_factory=tuple_row) as connection:

        def one(statement: str) -> Any:
            row = connection.execute(statement.encode(), {"name": team.name}).fetchone()
            assert row is not None
            return row[0] or 0

        connection.execute("SET search_path TO dragoman")
        of = "organisation_id = (SELECT id FROM organisation WHERE name = %(name)s)"
        ids = {
            row[0]
            for row in connection.execute(
                f"SELECT id FROM exchange WHERE {of}", {"name": team.name}
            )
        }
        rows = one(
            f"SELECT count(*) FROM attempt JOIN exchange e ON exchange_id = e.id WHERE e.{of}"
        )
        stopped = one(f"SELECT count(*) FROM exchange WHERE outcome = 'interrupted' AND {of}")
        providers = one(
            f"SELECT string_agg(DISTINCT a.provider, ',') FROM attempt a JOIN exchange e"
            f" ON exchange_id = e.id WHERE e.{of}"
        )
        costs = {
            "attempts": one(
                "SELECT sum(a.cost_nanousd) FROM attempt a JOIN exchange e ON exchange_id = e.id"
                f" WHERE e.{of}"
            ),
            "exchanges": one(f"SELECT sum(cost_nanousd) FROM exchange WHERE {of}"),
            **{
                f"hours by {level}": one(
                    f"SELECT sum(cost_nanousd) FROM hourly WHERE level = '{level}' AND {of}"
                )
                for level in ("total", "model", "key", "all")
            },
            **{
                f"limit {name}": one(
                    "SELECT sum(c.amount) FROM consumption c JOIN allowance a"
                    f" ON a.id = c.allowance_id WHERE a.name = '{name}' AND a.{of}"
                )
                for name in ("all", "each")
            },
        }
    connection.close()
    assert providers == TEAMS[team.name]
    assert len(set(costs.values())) == 1, costs
    # What the provider has seen is recorded; what was about to be asked when a worker was killed is
    # recorded, too, and may not have been seen.
    assert team.provider.received <= rows <= team.provider.received + stopped
    lost = {o.id for o in team.outcomes if o.id and o.status == 200 and o.whole} - ids
    assert not lost, (len(lost), sorted(lost)[:3])
    return len(ids), costs["attempts"]
