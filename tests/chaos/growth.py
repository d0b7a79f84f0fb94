"""Memory over many requests of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.asking import ask
from tests.chaos.streams import LANGUAGES
from tests.server.process import Process
from tests.upstream.fault import FaultUpstream, Request, Script, chat, chat_stream, error

THREADS = 8


def growth(*, full: bool) -> Mapping[str, float]:
    """Send 200 000 mixed requests: memory grows by less than 1 MB for 10 000 of them."""
    count = 200_000 if full else 1_500

    def answer(request: Request) -> Script:
        body = request.json()
        if body["model"] == "fails":
            return error(500)
        return chat_stream(["a", "b", "c"]) if body.get("stream") else chat("abc")

    with FaultUpstream(answer, record=False) as server, TemporaryDirectory() as folder:
        config = f'[providers.mine]\nbase_url = "{server.base_url}"\nretries = 0\n'
        gateway = Process(Path(folder), config)
        try:
            _load(gateway.url, max(count // 3, 2_000))  # until all that is kept has been made
            before = _resident_mib(gateway.process.pid)
            _load(gateway.url, count)
            grown = _resident_mib(gateway.process.pid) - before
        finally:
            gateway.stop()
    slope = grown / (count / 10_000)
    assert grown < 2 if not full else slope < 1, (grown, slope)
    return {"requests": count, "MiB grown": grown, "MiB per 10 000": slope}


def _load(url: str, count: int) -> None:
    def run(worker: int) -> None:
        for number in range(worker, count, THREADS):
            language = LANGUAGES[number % 3]
            model = ("mine/m", "mine/m", "mine/fails", "nobody/knows")[number % 4]
            status, out = ask(url, language, model, stream=number % 2 == 0)
            assert status == (200, 200, 502, 404)[number % 4], (status, model, out[:200])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
