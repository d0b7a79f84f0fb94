"""A master key that is changed, again and again, while requests and changes go on."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dragoman.config import load
from dragoman.organisations import keys, oidc, providers, webhooks
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.keys import KeyDraft
from dragoman.organisations.master_keys import find_master_keys, key_file, new_key
from dragoman.organisations.oidc import OidcSettings
from dragoman.organisations.providers import ProviderDraft
from dragoman.organisations.safe import Safe
from dragoman.store.database import database_path
from dragoman.store.schema import TABLES
from tests.server.process import LONG_S, Process, wait_until
from tests.server.serving import ask
from tests.upstream.answers import error
from tests.upstream.fault import FaultUpstream, Request, chat

HOOKS = 10
SEALED = re.compile(r"v1\.([0-9a-f]{16})\.")
"""How every sealed text begins, wherever it is kept; with it the id of the key that sealed it."""
NAMES = ["".join(letters) for letters in itertools.product("abcdefgh", repeat=4)]


def key_rotations(*, full: bool) -> Mapping[str, float]:
    """Rotate the master key under load: no request fails, all is on the new key (G27)."""
    rounds, count = (20, 300) if full else (1, 20)
    with ExitStack() as stack:
        house = stack.enter_context(_house(count))
        gateway = Process(house.home, "", *(("--workers", "2") if full else ()))
        stack.callback(gateway.kill)
        with _busy([lambda: house.ask(gateway), lambda: house.ask(gateway), house.change]) as done:
            for _ in range(rounds):
                house.rotate()
        assert not done.failed, done.failed[0]
        assert house.upstream.wrong == 0
        sealed = _all_on_the_new_key(house, count)
        _lose_the_key(house, gateway)
        gateway.stop()
        _refuses_to_start(house)
        return {
            "rotations": rounds,
            "sealed": sealed,
            "requests and changes": done.count,
            "failed": len(done.failed),
        }


class _Work:
    """What threads have done, and what went wrong."""

    def __init__(self) -> None:
        self.count = 0
        self.failed: list[BaseException] = []


@contextmanager
def _busy(works: list[Callable[[], None]]) -> Iterator[_Work]:
    """Do these over and over, each in a thread, as long as the context lasts."""
    done, stop = _Work(), threading.Event()

    def run(work: Callable[[], None]) -> None:
        while not stop.is_set() and not done.failed:
            try:
                work()
                done.count += 1
            except BaseException as failure:
                done.failed.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class _Upstream(FaultUpstream):
    """Answers whoever brings the token of the provider in the model's name, and nobody else."""

    def __init__(self) -> None:
        self.wrong = 0
        super().__init__(self._answer, record=False)

    def _answer(self, request: Request) -> Any:
        name = json.loads(request.body)["model"]
        given = request.header("authorization") or ""
        if not given.startswith(f"Bearer sk-{name}-"):
            self.wrong += 1
            return error(401, "wrong token")
        return chat("ok")


class _House:
    """An organisation with many providers, and a key that opens the gateway."""

    def __init__(self, home: Path, upstream: _Upstream, count: int) -> None:
        self.home = home
        self.upstream = upstream
        self.env = {"HOME": str(home)}
        self.desk = Desk(database_path(self.env))
        self.safe = Safe(self.desk, self.env, create=True)
        self.names = itertools.cycle(NAMES[:count])
        self._numbers = itertools.count()
        self._pace = threading.Event()  # never set: changes come one after another, not in a storm
        self._config = load(env=self.env)
        for name in NAMES[:count]:
            self.put(name)
        for number in range(HOOKS):
            self.put_webhook(number)
        settings = OidcSettings(issuer="https://id.example", client_id="dragoman")
        oidc.put_oidc(self.desk, self.safe, SYSTEM, settings, secret="of sign-in")
        made = keys.create_key(self.desk, self.safe, SYSTEM, "default", KeyDraft(name="load"))
        self.key = made.text.reveal()

    def put(self, name: str) -> None:
        token = f"sk-{name}-{next(self._numbers)}"
        draft = ProviderDraft(said={"base_url": self.upstream.base_url}, token=token)
        providers.put_provider(self.desk, self.safe, SYSTEM, "default", name, draft, self._config)

    def put_webhook(self, number: int) -> None:
        """Make a webhook, or give it another secret."""
        url = f"https://hooks.example/{number}"
        webhooks.put_webhook(
            self.desk, self.safe, SYSTEM, "default", f"hook-{number}", url=url, new_secret=True
        )

    def change(self) -> None:
        self._pace.wait(0.02)
        self.put(next(self.names))
        self.put_webhook(next(self._numbers) % HOOKS)

    def ask(self, gateway: Process, name: str | None = None) -> None:
        status, answer = self.asked(gateway, name or next(self.names))
        assert status == 200, answer

    def asked(self, gateway: Process, name: str) -> tuple[int, bytes]:
        body = {"model": f"{name}/{name}", "messages": [{"role": "user", "content": "hi"}]}
        status, _, answer = ask(
            f"{gateway.url}/v1/chat/completions",
            json.dumps(body).encode(),
            authorization=f"Bearer {self.key}",
        )
        return status, answer

    def rotate(self) -> None:
        """Change the master key as its operator does."""
        done = subprocess.run(
            [sys.executable, "-m", "dragoman", "secrets", "rotate", "--new-key"],
            env={**self.env, "PATH": ""},
            capture_output=True,
            text=True,
            timeout=LONG_S * 10,
        )
        assert done.returncode in (0, 75), done.stderr


@contextmanager
def _house(count: int) -> Iterator[_House]:
    with TemporaryDirectory() as folder, _Upstream() as upstream:
        house = _House(Path(folder), upstream, count)
        try:
            yield house
        finally:
            house.desk.close()


def _all_on_the_new_key(house: _House, count: int) -> int:
    """Look for sealed texts in every column of every table; returns how many there are."""
    house.rotate()  # what was written in the last moment, by whoever had not noticed
    found: Counter[tuple[str, str]] = Counter()
    with house.desk.read() as connection:
        for table, columns in TABLES.items():
            for row in connection.rows(f"SELECT {', '.join(columns)} FROM {table}"):
                texts = [text for text in dict(row).values() if isinstance(text, str)]
                found.update((table, key[1]) for text in texts if (key := SEALED.match(text)))
    new = find_master_keys(house.env).current.id
    # Of the settings: the secret of sign-in, and what gateway keys are hashed with.
    assert found == {("provider", new): count, ("webhook", new): HOOKS, ("setting", new): 2}, found
    return found.total()


def _lose_the_key(house: _House, gateway: Process) -> None:
    """Put a wrong key in the right one's place: what cannot be opened is refused, nothing else."""
    path = key_file(house.env)
    right = path.read_text()
    name = next(house.names)
    purpose = "UPDATE provider SET token = :token, version = version + 1 WHERE name = :name"
    with house.desk.read() as connection, connection.transaction():
        connection.write(
            purpose, {"token": f"v1.{'0' * 16}.AAAAAAAAAAAAAAAAAAAAAA==", "name": name}
        )
        connection.write("UPDATE revision SET number = number + 1")
    path.write_text(new_key() + "\n")
    wait_until(lambda: house.asked(gateway, name)[0] != 200)
    refused = house.upstream.received
    status, answer = house.asked(gateway, name)
    assert status == 500, answer
    assert b"config_error" in answer or b"secret_unreadable" in answer, answer
    assert house.upstream.received == refused
    assert house.upstream.wrong == 0
    assert gateway.process.poll() is None
    path.write_text(right)
    house.put(name)
    wait_until(lambda: house.asked(gateway, name)[0] == 200)


def _refuses_to_start(house: _House) -> None:
    """With a wrong master key the gateway says so and ends; nothing is changed."""
    done = subprocess.run(
        [sys.executable, "-m", "dragoman", "serve", "--port", "0"],
        env={**house.env, "PATH": "", "DRAGOMAN_SECRET_KEY": new_key()},
        capture_output=True,
        text=True,
        timeout=LONG_S,
    )
    assert done.returncode == 78, done.stderr
    assert "not the master key of this database" in done.stderr
    assert "Traceback" not in done.stderr
