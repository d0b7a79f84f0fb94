"""A gateway whose disk is full: new work is refused, and nothing that was asked is lost."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

from tests.chaos.conservation import check_conservation
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.upstream.fault import chat


def test_with_a_full_disk_new_work_is_refused_until_there_is_room(
    tmp_path: Path, upstream: Any
) -> None:
    server = upstream(chat("Hello"))
    gateway = Process(tmp_path, f'[providers.mine]\nbase_url = "{server.base_url}"\n')
    pid, limit = gateway.process.pid, resource.RLIMIT_FSIZE
    try:
        assert gateway.chat("mine/m")[0] == 200
        before = resource.prlimit(pid, limit)
        resource.prlimit(pid, limit, (1, before[1]))  # as on a full disk: no file grows
        assert gateway.chat("mine/m")[0] == 200  # it was asked: its answer is not withheld
        status, body = gateway.chat("mine/m")
        assert (status, body["error"]["code"]) == (503, "ledger_full")
        status, _, ready = ask(f"{gateway.url}/readyz", method="GET")
        told = json.loads(ready)
        assert (status, told["status"], told["ledger"]) == (503, "full", "full")
        resource.prlimit(pid, limit, before)
        wait_until(lambda: gateway.chat("mine/m")[0] == 200)
    finally:
        code, _, err = gateway.stop()
    assert code == 0
    assert "the journal cannot be written" in err
    books = check_conservation(
        tmp_path / ".local/share/dragoman/dragoman.db", seen=len(server.requests)
    )
    assert (books.exchanges, books.unsure) == (3, 0)
