"""Budgets that are set while requests are under way: all count once, whenever they were asked."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from dragoman.organisations.allowances import resolve_allowance
from dragoman.organisations.desk import Desk
from dragoman.types.allowance import Allowance
from dragoman.types.exchange import DEFAULT_ORGANISATION
from tests.chaos.flood import flood
from tests.chaos.limits import ANSWER, started
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.upstream.fault import FaultUpstream

COST_NANOUSD = 40_000
ALONE = """
[[gateway.keys]]
name = "free"
key = "k-free"
"""


def late_budgets(*, full: bool) -> Mapping[str, float]:
    """Budgets set under load, with several workers and with one: nothing is lost or twice."""
    many = 400 if full else 40
    asked = _shared(many, 4 if full else 2) + _alone(many)
    return {"requests": asked, "budgets": 4}


def _shared(many: int, workers: int) -> int:
    with started(workers) as (upstream, _, start, folder):
        return _run(upstream, start(), start, folder, many)


def _alone(many: int) -> int:
    with ExitStack() as stack:
        upstream = stack.enter_context(FaultUpstream(ANSWER, record=False))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        models = '[{ id = "m", max_tokens = 100, cost = { input = 1, output = 1 } }]'
        text = f'[providers.mine]\nbase_url = "{upstream.base_url}"\nmodels = {models}\n{ALONE}'

        def start() -> Process:
            made = Process(folder, text)
            stack.callback(made.kill)
            return made

        return _run(upstream, start(), start, folder, many)


def _run(upstream: FaultUpstream, gateway: Process, start: object, folder: Path, many: int) -> int:
    assert callable(start)
    told: Counter[int] = Counter()
    told += flood(gateway.url, "k-free", many)
    with closing(Desk(folder / ".local/share/dragoman/dragoman.db")) as desk:
        asking = threading.Thread(target=lambda: told.update(flood(gateway.url, "k-free", many)))
        asking.start()
        # Twice as many as can have been asked by now pass, so that it is used up later.
        of_requests = _put(gateway, desk, "calls", "requests", 2 * many + 10)
        of_money = _put(gateway, desk, "money", "spend", 100)
        asking.join()
        # What was let through before the budgets were known is in them once it has been written.
        wait_until(lambda: _written(desk) == upstream.received)
        wait_until(lambda: flood(gateway.url, "k-free", 5)[429] == 5)
        told += flood(gateway.url, "k-free", many)
        gateway.stop()
        _check(desk, upstream, of_requests, of_money)
        # What is known after a restart is the same: nothing more passes.
        received = upstream.received
        gateway = start()
        told += flood(gateway.url, "k-free", many)
        assert upstream.received == received, (upstream.received, received)
        gateway.stop()
        _check(desk, upstream, of_requests, of_money)
    return told.total()


def _put(gateway: Process, desk: Desk, name: str, measure: str, amount: int) -> Allowance:
    """Set a budget; it is known to all workers of the machine once that is answered."""
    body = json.dumps({"measure": measure, "period": "month", "amount": str(amount)}).encode()
    url = f"{gateway.url}/api/v1/organisations/default/limits/{name}"
    status, _, said = ask(url, body, method="PUT")
    assert status in (200, 201), said
    with desk.read() as connection:
        return resolve_allowance(connection, DEFAULT_ORGANISATION, name)


def _written(desk: Desk) -> int:
    with desk.read() as connection:
        (seen,) = connection.rows("SELECT count(*) AS number FROM attempt")
    return int(seen["number"])


def _check(
    desk: Desk, upstream: FaultUpstream, of_requests: Allowance, of_money: Allowance
) -> None:
    """See that budgets have counted what the provider was asked, exactly, and no more passed."""
    with desk.read() as connection:
        rows = connection.rows("SELECT allowance_id, amount FROM consumption")
        used = {row["allowance_id"]: row["amount"] for row in rows}
    assert _written(desk) == upstream.received, (_written(desk), upstream.received)
    assert used[of_requests.id] == upstream.received, (used, upstream.received)
    assert used[of_money.id] == upstream.received * COST_NANOUSD, (used, upstream.received)
    assert upstream.received == of_requests.amount, (upstream.received, of_requests.amount)
