"""Vendors' own SDKs as judges: what they send, and what they make of what they are sent."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.installed import PYTHON, SCRIPTS
from tests.library.asking import Asker, configure
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import Answer, FaultUpstream

CASES = Path(__file__).parent / "cases"
Start = Callable[..., FaultUpstream]


class Judged(Asker):
    """Asks a built-in provider at a scripted server, as `p`."""

    server: FaultUpstream

    @property
    def sent(self) -> Any:
        """The body that the server got last."""
        return self.server.requests[-1].json()

    def complete(self, way: str, model: str, text: str = "hi", **params: Any) -> Any:
        """Ask whole (`chat`) or streamed (`stream`), to the good end. Returns: the completion."""
        if way == "chat":
            return self.chat(model, text, **params)
        streamed = self.stream(model, text, **params)
        assert streamed.error is None
        return streamed.completion


def judge(kind: str, upstream: Start, preset: str, script: Any, **table: Any) -> Judged:
    """Start a server that answers like this, and make who asks it."""
    server = upstream(script)
    given = {"preset": preset, "base_url": server.url, **table}
    made = Judged(kind, configure({"p": given}))
    made.server = server
    return made


def mimicked(kind: str, server: AimockServer, preset: str, **table: Any) -> Judged:
    """Ask the server that mimics many."""
    return Judged(kind, configure({"p": {"preset": preset, "base_url": server.url, **table}}))


def read_cases(name: str) -> dict[str, Any]:
    """Read `requests` and `answers` of an API."""
    cases: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    return cases


def in_json(value: Any, status: int = 200) -> Answer:
    """Answer with JSON."""
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())


def in_lines(values: list[Any]) -> Answer:
    """Answer with a JSON value on each line."""
    body = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    return Answer(headers=(("content-type", "application/x-ndjson"),), body=body)


def in_events(values: list[Any]) -> Answer:
    """Answer with server-sent events, each named as its `type`."""
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in values)
    return Answer(headers=(("content-type", "text/event-stream"),), body=body.encode())


def ask_sdk(client: str, server: FaultUpstream, **given: Any) -> Any:
    """Ask a server with an SDK. Returns: what it understood, an object for each piece."""
    told = json.dumps({"client": client, "url": server.url, **given})
    done = subprocess.run(
        [PYTHON, SCRIPTS / "native_sdk.py", told],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "NO_PROXY": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
