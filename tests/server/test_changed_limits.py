"""Limits that are set and lifted while a gateway answers."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, delete_allowance, put_allowance
from dragoman.organisations.desk import Desk
from tests.server.process import Process, wait_until
from tests.server.test_limits import config, post
from tests.upstream.fault import chat, tokens


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


@pytest.mark.parametrize("restarted", [False, True])
def test_a_budget_of_the_configuration_knows_what_was_spent_while_it_was_not_in_force(
    restarted: bool, tmp_path: Path, upstream: Any
) -> None:
    server = upstream(chat("Hello", usage=tokens(30, 10)))  # 40 millionths of a dollar
    total, month, lifted, total_again, short = (
        config(server, a=limits)
        for limits in (
            'budget = 1\nbudget_period = "total"',
            'budget = 1\nbudget_period = "month"',
            "",
            'budget = 2\nbudget_period = "total"',
            'budget = 0.00016\nbudget_period = "total"',
        )
    )
    gateway = Process(tmp_path, total)
    try:
        for text in (total, month, lifted, total_again):
            gateway = _changed(gateway, text, restarted=restarted)
            assert post(gateway, "k-a")[0] == 200
        gateway = _changed(gateway, short, restarted=restarted)
        assert post(gateway, "k-a")[2]["error"]["code"] == "budget_exceeded"
        gateway.stop()
        assert gateway.rows("SELECT amount FROM consumption WHERE since = 0") == [(160_000,)]
    finally:
        gateway.kill()


def _changed(gateway: Process, text: str, *, restarted: bool) -> Process:
    """Put another configuration in force, by a restart or without one."""
    if restarted:
        gateway.stop()
        return Process(gateway.home, text)
    if gateway.file.read_text() != text:
        before = gateway.said("was reloaded")
        gateway.file.write_text(text)
        wait_until(lambda: gateway.said("was reloaded") > before)
    return gateway
