"""Vendors' own SDKs as judges: what they send, and what they make of what they are sent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.clients.installed import PYTHON, SCRIPTS
from tests.upstream.fault import Answer, FaultUpstream

CASES = Path(__file__).parent / "cases"


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
