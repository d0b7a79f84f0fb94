"""A real PostgreSQL, started for the tests in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

import psycopg

from dragoman.store.database import Server
from tests.upstream.ports import free_port

LONG_S = 60.0
UNSAFE = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB")
"""No test outlives the machine, so nothing has to reach the disk; a crash must lose nothing."""


def find_binaries() -> Path | None:
    """Find the folder of `initdb` and `postgres`: on PATH, else where Debian has it."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), default=None, key=lambda f: int(f.parent.name))


class PostgresServer:
    """A server, as a context; `new()` makes an empty database. It can be stopped and started."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            other = pwd.getpwnam("nobody")
            self._as = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}
        self._folder = Path(mkdtemp(prefix="dragoman-pg-"))  # pytest's own are closed to others
        self._data = self._folder / "data"
        self.port = free_port()

    def __enter__(self) -> Self:
        if self._as:
            os.chown(self._folder, self._as["user"], self._as["group"])
        self._run(
            "initdb", "-D", self._data, "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8"
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = itertools.chain.from_iterable(("-c", setting) for setting in UNSAFE)
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *(self._binaries / "postgres", "-D", self._data, "-p", str(self.port)),
                *("-h", "127.0.0.1", "-k", self._folder, *options),
            ],
            stdout=log,
            stderr=log,
            cwd=self._folder,
            **self._as,
        )
        log.close()
        until = time.monotonic() + LONG_S
        while True:
            try:
                self._connect("postgres").close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop at once: SIGINT breaks connections off, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(LONG_S)
            self._process = None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and every process of its connections.

        To the server first: what it would have begun or buried meanwhile it does not.
        """
        assert self._process is not None
        pid = self._process.pid
        self._process.send_signal(number)
        for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):  # its connection has just ended
                os.kill(int(each), number)

    def new(self, like: Server | None = None) -> Server:
        """Make an empty database, or one like another."""
        name = f"db{next(self._numbers)}"
        template = f" TEMPLATE {like.url.rpartition('/')[2]}" if like else ""
        with self._connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}{template}".encode())
        connection.close()
        return Server(f"postgresql://tests@127.0.0.1:{self.port}/{name}")

    def _connect(self, name: str) -> psycopg.Connection[tuple[Any, ...]]:
        url = f"postgresql://tests@127.0.0.1:{self.port}/{name}"
        return psycopg.connect(url, autocommit=True)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [self._binaries / program, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self._folder, check=False, **self._as
        )
        assert done.returncode == 0, done.stderr
