"""Workers that are restarted one by one while streams go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.asking import ENDINGS, ask
from tests.server.process import Process, children, wait_until
from tests.upstream.fault import FaultUpstream, chat_stream


def restarts(*, full: bool) -> Mapping[str, float]:
    """Restart the workers 10 times under 200 live streams: none is cut, no record is lost."""
    streams, times = (200, 10) if full else (20, 2)
    body = chat_stream([f"word{number} " for number in range(20)])
    size = len(body.body) // 20
    paced = FaultUpstream(body.paced(size, pause_s=0.1), record=False)
    with paced as server, TemporaryDirectory() as folder:
        gateway = Process(
            Path(folder),
            f'[providers.mine]\nbase_url = "{server.base_url}"\n',
            "--workers",
            "2",
        )
        done, wrong, stop = [0], [], threading.Event()

        def run() -> None:
            while not stop.is_set():
                status, out = ask(gateway.url, "openai-completions", "mine/m", stream=True)
                if status != 200 or ENDINGS["openai-completions"] not in out:
                    wrong.append((status, out[-200:]))
                done[0] += 1

        threads = [threading.Thread(target=run) for _ in range(streams)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(times):
                for worker in children(gateway.process.pid):
                    os.kill(int(worker), signal.SIGTERM)
                    wait_until(
                        lambda worker=worker: worker not in children(gateway.process.pid)  # type: ignore[misc]
                    )
                    time.sleep(0.5)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            gateway.stop()
        assert not wrong, (len(wrong), wrong[0])
        ((rows,),) = gateway.rows("SELECT count(*) FROM exchange WHERE outcome = 'ok'")
    assert rows == done[0] == server.received, (rows, done[0], server.received)
    return {"streams": done[0], "restarts": 2 * times, "records": rows}
