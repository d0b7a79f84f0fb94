"""What workers know of keys, and for how long: also while the database is away."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dragoman.errors import Unauthorized
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.organisations import create_organisation
from dragoman.organisations.safe import Safe
from dragoman.server.admission.directory import Directory, DirectoryAway
from dragoman.server.admission.guard_mark import GuardMark
from dragoman.server.health import Sign, sign_of_directory
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.server.tenancy import Team
from tests.upstream.fault import chat
from tests.upstream.postgres import PostgresServer, find_binaries

Start = Callable[..., Any]
TEAM_KEY = '[[gateway.keys]]\nname = "team"\nkey = "env:TEAM_KEY"\n'


@pytest.fixture(scope="module")
def mine() -> Iterator[PostgresServer]:
    """Run a PostgreSQL that may be stopped: others are not disturbed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine (Debian's package: postgresql)")
    with PostgresServer(binaries) as server:
        yield server


def written(desk: Desk) -> int:
    with desk.read() as connection:
        (row,) = connection.rows("SELECT count(*) AS n FROM exchange")
    return int(row["n"])


def use(gateway: Process, key: str, model: str = "acme/m") -> int:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    status, _, _ = ask(f"{gateway.url}/v1/chat/completions", body, x_api_key=key)
    return status


def test_a_revoked_key_soon_opens_nothing_and_never_again_whichever_worker_is_asked(
    tmp_path: Path, upstream: Start
) -> None:
    up = upstream(lambda _: chat("hi"))
    with Team(tmp_path / "team.db") as team:
        organisation = team.organisation("red")
        team.provider(organisation, "acme", up.base_url, token="t")
        env = {**team.env, "DRAGOMAN_DATABASE_URL": f"sqlite:///{team.place}"}
        gateway = Process(tmp_path, "", "--workers", "2", env=env)
        try:
            key_id, key = team.key(organisation)
            # Nobody has heard of the key before: it opens at once all the same.
            assert [use(gateway, key) for _ in range(20)] == [200] * 20
            team.revoke(organisation, key_id)
            wait_until(lambda: {use(gateway, key) for _ in range(20)} == {401})
            assert {use(gateway, key) for _ in range(20)} == {401}
        finally:
            gateway.stop()


def test_keys_keep_working_while_postgresql_is_killed_and_back(
    mine: PostgresServer, tmp_path: Path, upstream: Start
) -> None:
    up = upstream(lambda _: chat("hi"))
    with Team(mine.new()) as team:
        organisation = team.organisation("red")
        team.provider(organisation, "acme", up.base_url, token="t")
        _, key = team.key(organisation)
        env = {**team.env, "DRAGOMAN_DATABASE_URL": team.place.url}  # type: ignore[union-attr]
        gateway = Process(tmp_path, TEAM_KEY, env=env)
        try:
            wait_until(lambda: use(gateway, key) == 200)
            mine.stop(signal.SIGKILL)
            assert [use(gateway, key) for _ in range(5)] == [200] * 5
            assert use(gateway, "team-secret", "demo/echo") == 200
            # What nobody here knows may be known there: that is no 401.
            wait_until(lambda: use(gateway, "dk_unknown") == 503)
            status, headers, _ = ask(
                f"{gateway.url}/v1/models", method="GET", x_api_key="dk_unknown"
            )
            assert (status, int(headers["retry-after"]) >= 1) == (503, True)
            mine.start()
            wait_until(lambda: use(gateway, "dk_unknown") == 401)
            team.desk.close()  # its connections are those of before
            _, later = team.key(organisation, "later")
            assert use(gateway, later) == 200
        finally:
            gateway.stop()


def test_a_database_that_was_never_seen_is_503_and_keys_of_the_file_work(
    mine: PostgresServer, tmp_path: Path
) -> None:
    place = mine.new()
    mine.stop(signal.SIGQUIT)
    try:
        env = {"DRAGOMAN_DATABASE_URL": place.url, "DRAGOMAN_SECRET_KEY": "A" * 43 + "="}
        gateway = Process(tmp_path, TEAM_KEY, env=env)
        try:
            assert use(gateway, "team-secret", "demo/echo") == 200
            assert use(gateway, "dk_somebodys", "demo/echo") == 503
        finally:
            gateway.stop()
    finally:
        mine.start()


def test_a_machine_s_own_gateway_goes_on_when_it_starts_without_its_database(
    mine: PostgresServer, tmp_path: Path
) -> None:
    place = mine.new()
    env = {"DRAGOMAN_DATABASE_URL": place.url, "DRAGOMAN_SECRET_KEY": new_key()}

    def start(config: str = "") -> Process:
        mine.stop(signal.SIGQUIT)
        return Process(tmp_path, config, env=env)

    def status(gateway: Process, **headers: str) -> int:
        body = b'{"model": "demo/echo", "messages": [{"role": "user", "content": "hi"}]}'
        return ask(f"{gateway.url}/v1/chat/completions", body, **headers)[0]

    gateway = start()
    try:
        assert status(gateway) == status(gateway, x_api_key="any") == 200
        assert status(gateway, x_api_key=f"dk_{'a' * 43}") == 503
        assert status(gateway, x_forwarded_for="1.2.3.4") == 503
        mine.start()
        with closing(Desk(place)) as desk:
            wait_until(lambda: written(desk) == 2)
            # What looks like one of its keys is one, or opens nothing: its limits would not hold.
            wait_until(lambda: status(gateway, x_api_key=f"dk_{'a' * 43}") == 401)
            assert status(gateway, x_api_key="any") == 200
            create_organisation(desk, SYSTEM, "red", "Red")
        wait_until(lambda: status(gateway) == 401)
    finally:
        gateway.stop()
    for config in ("", '[server]\npublic_url = "https://gateway.example"\n'):
        gateway = start(config)  # somebody has to say who they are, and that is remembered
        try:
            assert status(gateway) == 503
        finally:
            gateway.stop()
            mine.start()


def test_whether_keys_are_needed_is_remembered_for_each_database(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    mark = GuardMark(env, tmp_path / "one.db")
    mark.put(True)
    assert GuardMark(env, tmp_path / "one.db").stands
    assert not GuardMark(env, tmp_path / "two.db").stands
    mark.put(False)
    mark.put(False)
    assert not GuardMark(env, tmp_path / "one.db").stands


def test_expiry_and_overlap_are_honoured_without_a_look(tmp_path: Path) -> None:
    from dragoman.organisations import keys
    from dragoman.organisations.actor import SYSTEM

    now = [time.time()]

    async def check(team: Team) -> None:
        organisation = team.organisation("red")
        _, short = team.key(organisation, "short", expires_at=now[0] + 60)
        key_id, old = team.key(organisation, "turned")
        new = keys.rotate_key(
            team.desk, team.safe, SYSTEM, organisation, key_id, overlap_s=30
        ).text.reveal()
        directory = Directory(team.desk, team.safe, wall=lambda: now[0])
        await directory.catch_up()
        found = [directory.find(text) for text in (short, old, new)]
        assert [one and one.key for one in found] == ["short", "turned", "turned"]
        now[0] += 31
        assert directory.find(short) is not None
        with pytest.raises(Unauthorized, match="expired"):
            directory.find(old)
        now[0] += 30
        with pytest.raises(Unauthorized, match="expired"):
            directory.find(short)
        assert directory.find(new) is not None
        await asyncio.to_thread(directory.close)
        with team.desk.read() as connection:
            (row,) = connection.rows("SELECT used_at FROM gateway_key WHERE name = 'turned'")
        assert row["used_at"] is not None

    with Team(tmp_path / "team.db") as team:
        asyncio.run(check(team))


def test_those_who_ask_together_share_a_look(tmp_path: Path) -> None:
    async def check(team: Team) -> None:
        directory = Directory(team.desk, team.safe)
        looks = 0

        def count(_: frozenset[str]) -> None:
            nonlocal looks
            looks += 1

        directory.changed = count
        await directory.catch_up()
        _, key = team.key(team.organisation("red"))
        assert directory.find(key) is None
        await asyncio.gather(*(directory.catch_up() for _ in range(200)))
        assert directory.find(key) is not None
        assert looks == 2
        await asyncio.to_thread(directory.close)

    with Team(tmp_path / "team.db") as team:
        asyncio.run(check(team))


def test_rules_that_cannot_be_read_open_nothing(tmp_path: Path) -> None:
    async def check(team: Team) -> None:
        _, key = team.key(team.organisation("red"), models=("a/*",))
        team.break_row("UPDATE gateway_key SET rules = '{\"modles\": 1}'")
        directory = Directory(team.desk, team.safe)
        await directory.catch_up()
        assert directory.find(key) is None
        await asyncio.to_thread(directory.close)

    with Team(tmp_path / "team.db") as team:
        asyncio.run(check(team))


@pytest.mark.parametrize("env", [{}, {"DRAGOMAN_SECRET_KEY": new_key()}], ids=["gone", "wrong"])
def test_without_the_master_key_it_is_not_the_database_that_is_away(
    tmp_path: Path, env: dict[str, str]
) -> None:
    async def check(team: Team) -> None:
        await asyncio.to_thread(team.key, team.organisation("red"))
        safe = Safe(team.desk, {"HOME": str(tmp_path), **env})
        directory = Directory(team.desk, safe)
        with pytest.raises(DirectoryAway) as caught:
            await directory.catch_up()
        told = caught.value
        assert (told.status, told.code) == (503, "keys_unavailable")
        assert "database" not in told.message
        assert "master" not in f"{told.message} {told.hint}"
        assert "log" in (told.hint or "")
        sign = sign_of_directory(away=directory.away, unreadable=directory.unreadable)
        assert sign == Sign({"secrets": "unreadable"}, stops="unreadable")
        await asyncio.to_thread(directory.close)

    with Team(tmp_path / "team.db") as team:
        asyncio.run(check(team))


def test_a_database_that_cannot_be_read_is_told_and_looked_for_again(tmp_path: Path) -> None:
    async def check(team: Team) -> None:
        place = tmp_path / "team.db"
        await asyncio.to_thread(team.organisation, "red")
        team.desk.close()
        whole = place.read_bytes()
        for beside in tmp_path.glob("team.db-*"):
            beside.unlink()
        place.write_bytes(b"this is no database" * 1000)
        directory = Directory(team.desk, team.safe)
        with pytest.raises(DirectoryAway):
            await directory.catch_up()
        before = directory.census
        assert before is None
        place.write_bytes(whole)
        await directory.look()
        after = directory.census
        assert after is not None
        assert after.guarded
        await asyncio.to_thread(directory.close)

    with Team(tmp_path / "team.db") as team:
        asyncio.run(check(team))
