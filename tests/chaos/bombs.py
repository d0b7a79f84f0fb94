"""An upstream that answers with ten gigabytes in a few kilobytes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.asking import ask
from tests.server.process import Process
from tests.upstream.fault import FaultUpstream, Request, Script, chat, gzip_bomb

MIB = 1024 * 1024


def bombs(*, full: bool) -> Mapping[str, float]:
    """Answer with gzip bombs of 10 GB: refused within 2 s, in less than 64 MB of memory."""
    bomb = gzip_bomb(10_000 * MIB if full else 500 * MIB)
    times = 40 if full else 2

    def answer(request: Request) -> Script:
        return chat("harmless") if request.json()["model"] == "warm" else bomb

    with FaultUpstream(answer, record=False) as server, TemporaryDirectory() as folder:
        config = f'[providers.a]\nbase_url = "{server.base_url}"\nretries = 0\n'
        gateway = Process(Path(folder), config)
        try:
            assert ask(gateway.url, "openai-completions", "a/warm", stream=False)[0] == 200
            before = _peak_mib(gateway.process.pid)
            longest = 0.0
            for number in range(times):
                began = time.monotonic()
                status, out = ask(gateway.url, "openai-completions", "a/x", stream=number % 2 == 1)
                longest = max(longest, time.monotonic() - began)
                assert status == 502, out
            grown = _peak_mib(gateway.process.pid) - before
        finally:
            gateway.stop()
        assert server.received == 1 + times, server.received
    assert grown < 64, grown
    assert longest < 2, longest
    return {"bombs": times, "MiB grown": grown, "s at most": longest}


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
