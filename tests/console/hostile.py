"""A gateway whose every text was written by somebody who means harm."""

from __future__ import annotations

import json
import sqlite3
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from dragoman.ledger.rollups import follow
from dragoman.store import Ledger
from dragoman.store.database import open_database
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage
from tests.server.process import Process
from tests.server.serving import ask

CASES = tomllib.loads((Path(__file__).parent / "cases" / "hostile.toml").read_text())
WHOLE = "req_ffffffffffff00000000000000000000"
"""The request in which every text stands."""
LONG = 2_000


def payloads() -> Iterator[str]:
    """Give what would run, were it taken for a part of the page."""
    given = CASES["payloads"]
    for seed in given["seeds"]:
        for dress in given["dresses"]:
            yield dress.replace("{}", seed.replace("{act}", given["act"]))


def naughty() -> Iterator[str]:
    """Give what is hard to show; the last are very long."""
    given = CASES["naughty"]
    for seed in given["seeds"]:
        for dress in given["dresses"]:
            yield dress.replace("{}", seed)
    for piece in CASES["naughty"]["long"]:
        yield piece * LONG


def fill(process: Process, texts: Sequence[str]) -> None:
    """Write the texts wherever others may write any."""
    assert ask(f"{process.url}/api/v1/session", method="GET")[0] == 200  # makes the tables
    database = process.home / ".local/share/dragoman/dragoman.db"
    now = time.time()
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        for number, text in enumerate(dict.fromkeys(texts)):
            _fill_tables(connection, number, text, now)
        request = json.dumps({"messages": [{"role": "user", "content": "\n".join(texts)}]})
        _insert(
            connection, "content", exchange_id=WHOLE, organisation_id="default", at=now,
            mode="full", request=request, response="\n".join(texts),
        )  # fmt: skip
    exchanges = [_exchange(number, now, [text]) for number, text in enumerate(texts)]
    exchanges.append(_exchange(-1, now, texts))
    with Ledger(database) as ledger:
        ledger.record_all(exchanges, source="gateway")
    with closing(open_database(database)) as opened, opened.transaction():
        follow(opened, exchanges)


def _fill_tables(connection: sqlite3.Connection, number: int, text: str, now: float) -> None:
    name = f"n{number}"
    times = {"created_at": now, "updated_at": now}
    own = {"organisation_id": "default", **times}
    _insert(connection, "organisation", id=name, name=name, title=text, **times)
    _insert(connection, "project", id=name, name=name, title=text, **own)
    _insert(connection, "account", id=name, email=f"{text}@{name}", name=text, **times)
    _insert(connection, "member", account_id=name, role="viewer", **own)
    _insert(
        connection, "gateway_key", id=name, name=text, prefix="dk_x", digest=name,
        account_id=name, rules=json.dumps({"models": [text]}), created_by=text,
        **own,
    )  # fmt: skip
    _insert(
        connection, "allowance", id=name, name=text, subject_kind="key", subject=text,
        measure="requests", period="day", amount=5, **own,
    )  # fmt: skip
    _insert(connection, "route", name=name, definition=json.dumps({"models": [text]}), **own)
    words = {"kind": "words", "words": [text], "replacement": text}
    # Not in force: one that cannot be read as a setting would let nothing pass.
    _insert(connection, "guardrail", name=name, definition=json.dumps(words), enabled=0, **own)
    _insert(connection, "webhook", name=name, url=text, events='["provider.down"]', **own)
    _insert(
        connection, "delivery", id=name, organisation_id="default", webhook=name, event=text,
        at=now, body="{}", due_at=now, state="failed", tries=5, reason=text,
    )  # fmt: skip
    settings = {"base_url": f"https://{name}.example/v1", "models": [text]}
    _insert(
        connection, "provider", name=name, definition=json.dumps(settings),
        origin=f"https://{name}.example", **own,
    )  # fmt: skip
    _insert(
        connection, "audit", id=f"aud_{number:020}", at=now, organisation_id="default", actor=text,
        address=text, action="put", kind="project", object=text,
        difference=json.dumps({text: [text, {"now": text}]}),
    )  # fmt: skip


def _insert(connection: sqlite3.Connection, table: str, **row: Any) -> None:
    marks = ", ".join("?" for _ in row)
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
    connection.execute(statement, list(row.values()))


def _exchange(number: int, now: float, texts: Sequence[str]) -> Exchange:
    text = texts[0]
    attempts = [
        Attempt(
            id=f"att_{number}_{place}", number=place, kind="first" if place == 1 else "fallback",
            provider=one or "x", model=one or "x", credential=one, started_at=now - 60,
            duration_s=0.5, first_token_s=0.1, outcome="error", status=502, error=one, reason=one,
            request_id=one, answered_model=one, usage=Usage(10, 5), cost_nanousd=10**6,
            cost_source="catalog",
        )
        for place, one in enumerate(texts, 1)
    ]  # fmt: skip
    return Exchange(
        id=WHOLE if number < 0 else f"req_{number:032x}", asked=text, route=text, key=text,
        key_id=f"n{number}", endpoint=text, tag=text or None, started_at=now - 60, stream=True,
        duration_s=1.5, first_token_s=0.1, outcome="error", status=502, traceparent=text,
        project_id=f"n{number}", account_id=f"n{number}", attempts=attempts, warnings=list(texts),
    )  # fmt: skip
