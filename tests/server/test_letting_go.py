"""What a request took goes when it is over, also when it failed: nobody waits for the collector."""

from __future__ import annotations

import gc
import json

import pytest

from dragoman.engine.attempt import Attempt
from dragoman.engine.call import Call
from dragoman.transport.inflate import Inflate
from tests.server.serving import Served, ask
from tests.upstream.fault import FaultUpstream, Script, chat, error, gzip_bomb

TIMES = 8
BODY = json.dumps({"model": "a/m", "messages": [{"role": "user", "content": "hi"}]}).encode()


def _held() -> int:
    return sum(type(one) in (Attempt, Call, Inflate) for one in gc.get_objects())


@pytest.mark.parametrize("fault", ["bomb", "cut", "refused"])
def test_a_failed_request_and_what_was_read_for_it_is_let_go_at_once(fault: str) -> None:
    script: Script = {
        "bomb": gzip_bomb(64 * 2**20),
        "cut": chat("a" * 3000).cut(at=500),
        "refused": error(500),
    }[fault]
    with (
        FaultUpstream(script, record=False) as upstream,
        Served({"a": {"base_url": upstream.base_url, "retries": 1}}) as gateway,
    ):
        gc.collect()
        gc.disable()
        try:
            before = _held()
            for _ in range(TIMES):
                assert ask(f"{gateway.url}/v1/chat/completions", BODY)[0] == 502
            kept = _held() - before
        finally:
            gc.enable()
    assert kept < TIMES  # the last of them may not have come to its end
