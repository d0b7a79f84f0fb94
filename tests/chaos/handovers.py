"""A gateway that is replaced by a new one, behind the same socket, while streams go on."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.conservation import check_conservation
from tests.chaos.crowd import Crowd, slow_upstream
from tests.server.process import Process

BACKLOG = 4096


def handovers(*, full: bool) -> Mapping[str, float]:
    """Replace the gateway 10 times under 200 live streams: none is cut, no record is lost."""
    streams, times = (200, 10) if full else (20, 2)
    with (
        slow_upstream() as server,
        TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as sock,
    ):
        config = f'[providers.mine]\nbase_url = "{server.base_url}"\n'

        def start() -> Process:
            return Process(Path(folder), config, "--workers", "2", handed=sock)

        gateway = start()
        try:
            with Crowd(gateway.url, streams) as crowd:
                for _ in range(times):
                    before, gateway = gateway, start()
                    code, _, said = before.stop()
                    assert (code, said) == (0, ""), said
        finally:
            gateway.stop()
        assert not crowd.wrong, (len(crowd.wrong), crowd.wrong[0])
        ((rows,),) = gateway.rows("SELECT count(*) FROM exchange WHERE outcome = 'ok'")
        place = gateway.home / ".local/share/dragoman/dragoman.db"
        books = check_conservation(place, seen=server.received)
    assert rows == crowd.done == books.attempts, (rows, crowd.done, books)
    return {"streams": crowd.done, "handovers": times, "records": rows}
