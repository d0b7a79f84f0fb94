"""CPU of a request inside the gateway, part by part, without sockets; prints one line of JSON.

`bare`: one user, no key, no ledger. The others add what their names say: an organisation's key, a
record in the journal, a limit of requests a minute with a budget a month. `all`: the three
together. `all, drained`: and what is written comes into SQLite, with all sums.

Each value is µs of CPU of the whole process, the least of several rounds, which take turns.
The client's and the provider's connections are left out: they cost more than the rest, and the same
for all, so that ratios here are worse than those of a gateway at work (`python -m bench.gateway`).
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import pstats
import sys
import time
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.gateway import PROMPT
from bench.upstream import completion
from dragoman.config import Config, Secrets, load
from dragoman.engine.call import Surroundings
from dragoman.ledger.drain import Drain, open_ledger
from dragoman.ledger.journal import Journal
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, put_allowance
from dragoman.organisations.desk import Desk
from dragoman.organisations.keys import KeyDraft, create_key
from dragoman.organisations.safe import Safe
from dragoman.server.admission.directory import Directory
from dragoman.server.admission.reception import Reception
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.admission.tenants import Tenants
from dragoman.server.gateway import Gateway
from dragoman.server.http.messages import Request
from dragoman.server.limits.limits import Limits
from dragoman.server.telemetry.metrics import Metrics
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.http import Headers, HttpRequest

REQUESTS = 15
ROUNDS = 200
"""Short and many, so that some are not disturbed by what else the machine does."""
DRAINED = 500
DRAINED_EVERY = 20
"""What is written into the database comes in batches: more at once, and less often."""
PATH = "/v1/chat/completions"
BODY = json.dumps(PROMPT, separators=(",", ":")).encode()
ANSWER = completion().split(b"\r\n\r\n", 1)[1]
MANY = 10**12

SUBJECTS: dict[str, frozenset[str]] = {
    "bare": frozenset(),
    "key": frozenset({"key"}),
    "key, journal": frozenset({"key", "journal"}),
    "key, limit, budget": frozenset({"key", "limits"}),
    "all": frozenset({"key", "journal", "limits"}),
    "all, drained": frozenset({"key", "journal", "limits", "drain"}),
}


class Canned:
    """A transport, and a response, that has the answer already."""

    status = 200

    def __init__(self, left: bytes = b"") -> None:
        self.headers: Headers = {"content-type": "application/json"}
        self._left = left

    async def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Canned:
        """See `AsyncTransport.send`."""
        del request, connect_timeout_s, head_timeout_s
        return Canned(ANSWER)

    async def read(self, timeout_s: float) -> bytes:
        """See `AsyncResponse.read`."""
        del timeout_s
        left, self._left = self._left, b""
        return left

    async def close(self) -> None:
        """See `AsyncTransport.close`."""


class Said:
    """See `Reply`: remembers how it was answered."""

    interrupted = False

    def __init__(self) -> None:
        self.status: int | None = None
        self.extra: dict[str, str] = {}

    async def send(self, status: int, headers: Any, body: bytes) -> None:
        """See `Reply.send`."""
        self.status = status
        if status != 200:
            raise SystemExit(f"{status}: {dict(headers)} {body.decode()}")

    async def start(self, status: int, headers: Any) -> None:
        """See `Reply.start`."""
        del headers
        self.status = status

    async def write(self, data: bytes) -> None:
        """See `Reply.write`."""

    async def end(self) -> None:
        """See `Reply.end`."""

    def cut(self) -> None:
        """See `Reply.cut`."""


class Subject:
    """A gateway with some of its parts, and who asks it."""

    def __init__(
        self, gateway: Gateway, headers: dict[str, str], drain: Drain | None = None
    ) -> None:
        self.gateway = gateway
        self.drain = drain
        self.headers = {
            "host": "127.0.0.1:8080",
            "content-type": "application/json",
            "content-length": str(len(BODY)),
            **headers,
        }

    async def ask(self, count: int) -> float:
        """Ask so often, one after the other. Returns: seconds of CPU, until all is written."""
        gateway, headers = self.gateway, self.headers
        began = time.process_time()
        for _ in range(count):
            request = Request("POST", PATH, "", headers, _body, "127.0.0.1")
            await gateway(request, Said())
        while self.drain is not None and self.drain.depth:
            await asyncio.sleep(0.01)
        return time.process_time() - began


async def _body() -> bytes:
    return BODY


def configure(home: Path) -> tuple[Config, dict[str, str]]:
    """Read a configuration with one provider, which has a price."""
    env = {"UP_KEY": "up", "HOME": str(home), "DRAGOMAN_SECRET_KEY": "A" * 43 + "="}
    provider = {
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "env:UP_KEY",
        "models": {"bench": {"cost": {"input": 1, "output": 2}}},
    }
    overrides = {"providers": {"bench": provider}, "aliases": {"bench": "bench/bench"}}
    return load(env=env, overrides=overrides), env


async def make(parts: frozenset[str], home: Path, stack: AsyncExitStack) -> Subject:
    """Put a gateway together; it is closed with `stack`."""
    home.mkdir()
    config, env = configure(home)
    directory: Directory | None = None
    limits: Limits | None = None
    journal: Journal | None = None
    drain: Drain | None = None
    headers: dict[str, str] = {}
    place = home / "dragoman.db"
    if "key" in parts:
        desk = Desk(place)
        safe = Safe(desk, env)
        made = create_key(desk, safe, SYSTEM, DEFAULT_ORGANISATION, KeyDraft(name="bench"))
        headers["authorization"] = f"Bearer {made.text.reveal()}"
        directory = Directory(desk, safe)
        await directory.look()
        stack.callback(desk.close)
        stack.callback(directory.close)
        if "limits" in parts:
            for draft, name in ((_draft("requests", "minute"), "rpm"), (_budget(), "budget")):
                put_allowance(desk, SYSTEM, DEFAULT_ORGANISATION, name, draft)
            limits = Limits(desk, env, drained="drain" in parts)
            directory.looked = limits.learn
            await limits.begin()
            await directory.look()
    if "drain" in parts:
        assert limits is not None
        assert limits.spending is not None
        follow, looked = limits.spending.follow, limits.spending.looked
        drain = open_ledger(place, env, followers=(follow,), looked=looked)
        journal = drain.journal
        stack.callback(drain.close)
    elif "journal" in parts:
        journal = Journal(home / "journal")
        stack.callback(journal.close)
    snapshot = take_snapshot(
        config,
        Surroundings(secrets=Secrets(env)),
        discovered={},
        listening="127.0.0.1",
        directory=directory,
    )
    gateway = Gateway(
        snapshot,
        transport=Canned(),
        observers=(Metrics(),),
        gatekeepers=() if limits is None else (limits.keeper,),
        journal=journal,
        reception=Reception(None if directory is None else Tenants(directory)),
    )
    stack.push_async_callback(gateway.close)
    return Subject(gateway, headers, drain)


def _draft(measure: Any, period: Any) -> Draft:
    return Draft(kind="key", subject="*", measure=measure, period=period, amount=Decimal(MANY))


def _budget() -> Draft:
    return Draft(
        kind="organisation",
        measure="spend",
        period="month",
        amount=Decimal(1_000_000),
    )


async def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Take turns; keep the least."""
    least = dict.fromkeys(SUBJECTS, float("inf"))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        made = {
            name: await make(parts, folder / str(number), stack)
            for number, (name, parts) in enumerate(SUBJECTS.items())
        }
        for number in range(rounds):
            for name, subject in made.items():
                if subject.drain is not None and number % DRAINED_EVERY:
                    continue
                count = REQUESTS if subject.drain is None else DRAINED
                least[name] = min(least[name], await subject.ask(count) / count * 1e6)
    return least


async def profile(name: str, order: str = "tottime") -> None:
    """Show where the time goes of one subject: `python -m bench.hot_path NAME`."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        subject = await make(SUBJECTS[name], folder / "one", stack)
        await subject.ask(DRAINED)
        watching = cProfile.Profile()
        watching.enable()
        await subject.ask(DRAINED)
        watching.disable()
        pstats.Stats(watching).sort_stats(order).print_stats(60)


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(profile(*sys.argv[1:]))
    else:
        print(json.dumps(asyncio.run(measure())))
