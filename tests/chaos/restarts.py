"""Workers that are restarted one by one while streams go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.conservation import check_conservation
from tests.chaos.crowd import Crowd, slow_upstream
from tests.server.process import Process, children, wait_until

WORKERS = 2


def restarts(*, full: bool) -> Mapping[str, float]:
    """Restart all workers 10 times under 200 live streams: none is cut, no record is lost."""
    streams, times = (200, 10) if full else (20, 1)
    with slow_upstream() as server, TemporaryDirectory() as folder:
        gateway = Process(
            Path(folder),
            f'[providers.mine]\nbase_url = "{server.base_url}"\n',
            "--workers",
            str(WORKERS),
        )
        try:
            with Crowd(gateway.url, streams) as crowd:
                for _ in range(times):
                    for worker in children(gateway.process.pid):
                        os.kill(int(worker), signal.SIGTERM)
                        wait_until(lambda worker=worker: _replaced(gateway, worker))  # type: ignore[misc]
        finally:
            code, _, said = gateway.stop()
        assert code == 0, said
        assert not crowd.wrong, (len(crowd.wrong), crowd.wrong[0])
        ((rows,),) = gateway.rows("SELECT count(*) FROM exchange WHERE outcome = 'ok'")
        place = gateway.home / ".local/share/dragoman/dragoman.db"
        books = check_conservation(place, seen=server.received)
    assert rows == crowd.done == books.attempts, (rows, crowd.done, books)
    return {"streams": crowd.done, "restarts": WORKERS * times, "records": rows}


def _replaced(gateway: Process, worker: str) -> bool:
    now = children(gateway.process.pid)
    return worker not in now and len(now) == WORKERS
