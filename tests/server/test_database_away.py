"""The gateway on PostgreSQL, which goes away and comes back: requests go on, rows wait for it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dragoman.store.database import Server, StoreError, open_database
from dragoman.store.responses import Responses
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.server.test_responses_store import row
from tests.upstream.postgres import PostgresServer, find_binaries


@pytest.fixture(scope="module")
def mine() -> Iterator[PostgresServer]:
    """Run a PostgreSQL that may be stopped: others are not disturbed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine (Debian's package: postgresql)")
    with PostgresServer(binaries) as server:
        yield server


def count(server: Server, table: str = "exchange") -> int:
    with closing(open_database(server)) as connection:
        (found,) = connection.rows(f"SELECT count(*) AS n FROM {table}")
        return int(found["n"])


def ready(gateway: Process) -> tuple[int, Any]:
    status, _, body = ask(f"{gateway.url}/readyz", method="GET")
    return status, json.loads(body)


def test_requests_go_on_while_the_database_is_down_and_nothing_is_lost(
    mine: PostgresServer, tmp_path: Path
) -> None:
    database = mine.new()
    gateway = Process(tmp_path, "", env={"DRAGOMAN_DATABASE_URL": database.url})
    try:
        assert gateway.chat("demo/echo")[0] == 200
        wait_until(lambda: count(database) == 1)
        assert ready(gateway) == (200, {"status": "ok"})
        mine.stop(signal.SIGQUIT)
        away = {"status": "ok", "database": "away"}
        wait_until(lambda: ready(gateway) == (200, away))  # also while nothing is to be written
        for _ in range(5):
            assert gateway.chat("demo/echo")[0] == 200
        wait_until(lambda: "ledger" in ready(gateway)[1])
        assert ready(gateway) == (200, {**away, "ledger": "away", "waiting": 5})
        mine.start()
        wait_until(lambda: ready(gateway) == (200, {"status": "ok"}))
        assert (count(database), count(database, "attempt")) == (6, 6)
    finally:
        code, _, err = gateway.stop()
    assert code == 0
    assert "exchanges wait" in err
    assert "the ledger is written again" in err
    assert not (tmp_path / ".local/share/dragoman/dragoman.db").exists()


def test_a_database_that_is_silent_holds_up_no_request(
    mine: PostgresServer, tmp_path: Path
) -> None:
    database = mine.new()
    gateway = Process(tmp_path, "", env={"DRAGOMAN_DATABASE_URL": database.url})
    try:
        assert gateway.chat("demo/echo")[0] == 200
        wait_until(lambda: count(database) == 1)
        mine.send_signal(signal.SIGSTOP)
        try:
            for _ in range(5):
                assert gateway.chat("demo/echo")[0] == 200
            assert ready(gateway)[0] == 200
        finally:
            mine.send_signal(signal.SIGCONT)
        wait_until(lambda: count(database) == 6)
    finally:
        gateway.stop()


def test_a_response_waits_for_its_database_and_is_read_there_later(mine: PostgresServer) -> None:
    database = mine.new()
    open_database(database).close()
    mine.stop(signal.SIGQUIT)
    kept = Responses(database, wall=lambda: 0.0)
    kept.add(row("r", body="{}", input="[]"))
    assert kept.find("", "r") is not None
    with pytest.raises(StoreError):
        kept.find("", "another")
    mine.start()
    wait_until(lambda: count(database, "response") == 1)
    assert kept.find("", "r") == row("r", body="{}", input="[]")
    kept.remove("", "r")
    kept.close()
    assert count(database, "response") == 0
