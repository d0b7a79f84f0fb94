"""LiteLLM, which is not installed here, asks and answers the same where it is.

It runs the very files that are run here but for their import lines, once for all of them: importing
it takes seconds.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.compat.conftest import Table, settings, tell
from tests.compat.written import CALL, CASES, CONFIGS, MODEL, TURNS, Case
from tests.library.asking import Asker
from tests.upstream.fault import FaultUpstream

Start = Callable[..., FaultUpstream]

ROOT = Path(__file__).parents[2]
LITELLM = ROOT / ".venv-clients/litellm/bin/python"
ECHO, CALLER = Case("handler", "echo"), Case("handler", "caller")


def test_litellm_is_not_installed_here() -> None:
    assert importlib.util.find_spec("litellm") is None


def test_litellm_itself_asks_and_answers_the_same(table: Table, upstream: Start) -> None:
    asked = [
        (case, stream, upstream(case.answer), upstream(case.answer))
        for case in CONFIGS.values()
        for stream in (False, True)
        if not (stream and case.stream is None)  # LiteLLM has no stream for it at all
    ]
    handled = [(ECHO, False), (ECHO, True), (CALLER, True)]
    said = ask_litellm(
        [given(case, stream, there.url) for case, stream, there, _ in asked]
        + [given(case, stream, "") for case, stream in handled]
    )
    for (case, stream, there, here), theirs in zip(asked, said, strict=False):
        ours = tell(Asker("sync", *settings(table(case.file, case.name, here.url))), case, stream)
        assert_same(ours, theirs, stream)
        (their_request,), (our_request,) = there.requests, here.requests
        assert our_request.target == their_request.target
        assert our_request.json() == their_request.json()
        for header in ("authorization", "x-key", "x-signature"):
            assert our_request.header(header) == their_request.header(header), header
    for (case, stream), theirs in zip(handled, said[len(asked) :], strict=True):
        ours = tell(Asker("sync", *settings(table(case.file, case.name))), case, stream)
        if theirs["calls"] == [CALL]:
            theirs["end"] = "tool_calls"  # LiteLLM passes on the handler's "stop"
        assert_same(ours, theirs, stream)


def assert_same(ours: dict[str, Any], theirs: dict[str, Any], stream: bool) -> None:
    theirs["text"] = theirs["text"] or ""
    theirs["calls"] = [{n: call[n] for n in ("name", "arguments")} for call in theirs["calls"]]
    if ours["usage"] is None or stream:
        # LiteLLM counts itself what nobody reports, and tells it of streams when asked alone.
        del ours["usage"], theirs["usage"]
    assert ours == theirs


def given(case: Case, stream: bool, base_url: str) -> dict[str, Any]:
    return {
        "file": str(CASES / f"{case.file}.py"),
        "name": case.name,
        "base_url": base_url,
        "model": MODEL,
        "messages": TURNS,
        "params": dict(case.params),
        "stream": stream,
    }


def ask_litellm(every: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask through LiteLLM itself, in the environment where that is."""
    script = Path(__file__).parent / "ask_litellm.py"
    run = subprocess.run(
        [LITELLM, script, json.dumps(every)], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    (said,) = (line for line in run.stdout.splitlines() if line.startswith("[{"))
    told: list[dict[str, Any]] = json.loads(said)
    return told
