"""Limits that are set and lifted while a gateway answers."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, delete_allowance, put_allowance
from dragoman.organisations.desk import Desk
from tests.server.process import Process, wait_until
from tests.server.test_limits import config, post
from tests.upstream.fault import chat


def test_a_limit_holds_for_a_key_that_has_asked_before_until_it_is_lifted(
    tmp_path: Path, upstream: Any
) -> None:
    place = tmp_path / ".local/share/dragoman/dragoman.db"
    place.parent.mkdir(parents=True)
    gateway = Process(tmp_path, config(upstream(chat("Hello")), a="rpm = 100000"))
    once = Draft(measure="requests", period="day", amount=Decimal(1))
    try:
        assert post(gateway, "k-a")[0] == 200
        with closing(Desk(place)) as desk:
            put_allowance(desk, SYSTEM, "default", "once", once)
            wait_until(lambda: post(gateway, "k-a")[0] == 429)
            delete_allowance(desk, SYSTEM, "default", "once")
            wait_until(lambda: post(gateway, "k-a")[0] == 200)
    finally:
        gateway.kill()
