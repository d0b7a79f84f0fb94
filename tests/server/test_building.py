"""What an organisation sees is built anew after a change, whatever is under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.config import Secrets
from dragoman.engine.call import Surroundings
from dragoman.organisations.safe import Safe
from dragoman.organisations.sealing import Purpose
from dragoman.server.admission.access import Principal
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.snapshot import Snapshot, take_snapshot
from dragoman.server.admission.tenants import Tenants
from dragoman.types.credential import Secret
from tests.library.asking import configure
from tests.server.tenancy import Team

OLD, NEW = "https://old.example", "https://new.example"


class Slow(Safe):
    """Opens the first token only when told to go on."""

    def __init__(self, team: Team) -> None:
        super().__init__(team.desk, team.env)
        self.asked = threading.Event()
        self.go_on = threading.Event()

    def open(self, sealed: str, purpose: Purpose) -> Secret:
        if not self.asked.is_set():
            self.asked.set()
            self.go_on.wait()
        return super().open(sealed, purpose)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with Team(tmp_path / "dragoman.db") as team:
        yield team


def address(seen: Snapshot) -> str:
    return seen.config.providers["acme"].base_url.partition("/v1")[0]


def test_who_asks_after_a_change_is_not_answered_by_what_was_begun_before_it(team: Team) -> None:
    organisation = team.organisation("red")
    team.provider(organisation, "acme", f"{OLD}/v1", token="t")
    base = take_snapshot(
        configure({}), Surroundings(secrets=Secrets({})), discovered={}, listening="127.0.0.1"
    )
    who = Principal(organisation_id=organisation)
    safe = Slow(team)
    directory = Directory(team.desk, safe)
    tenants = Tenants(directory)

    async def ask() -> list[str]:
        await directory.look()
        before = asyncio.create_task(tenants.build(who, base))
        await asyncio.to_thread(safe.asked.wait)
        team.provider(organisation, "acme", f"{NEW}/v1", token="t")
        await directory.look()
        after = asyncio.create_task(tenants.build(who, base))
        again = asyncio.create_task(tenants.build(who, base))
        await asyncio.sleep(0)
        safe.go_on.set()
        found = [address(await one) for one in (before, after, again)]
        kept = tenants.find(who, base)
        assert kept is await after
        return found

    try:
        assert asyncio.run(ask()) == [OLD, NEW, NEW]
    finally:
        safe.go_on.set()
        directory.close()
