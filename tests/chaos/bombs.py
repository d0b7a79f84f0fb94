"""An upstream that answers with ten gigabytes in a few kilobytes."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Mapping

from tests.chaos.asking import ask
from tests.server.serving import Served
from tests.upstream.fault import FaultUpstream, gzip_bomb

MIB = 1024 * 1024


def bombs(*, full: bool) -> Mapping[str, float]:
    """Answer with gzip bombs of 10 GB: refused within 2 s, in less than 64 MB of memory."""
    size = 10_000 * MIB if full else 500 * MIB
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(FaultUpstream(gzip_bomb(size), record=False))
        providers = {"a": {"base_url": server.base_url, "retries": 0}}
        gateway = stack.enter_context(Served(providers))
        ask(gateway.url, "openai-completions", "a/warm", stream=False)
        before = _peak_mib()
        longest = 0.0
        for stream in (False, True) * (5 if full else 1):
            began = time.monotonic()
            status, out = ask(gateway.url, "openai-completions", "a/x", stream=stream)
            longest = max(longest, time.monotonic() - began)
            assert status == 502, out
        grown = _peak_mib() - before
    assert grown < 64, grown
    assert longest < 2, longest
    return {"MiB grown": grown, "s at most": longest}


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
