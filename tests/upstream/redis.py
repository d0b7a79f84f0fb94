"""A real Redis or Valkey, started for the tests on a free port of loopback; it keeps no file."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from dragoman.store.database import StoreError
from dragoman.store.redis import BlockingRedis, RedisAddress
from tests.upstream.ports import free_port

LONG_S = 60.0
PASSWORD = "open-sesame"


def find_server() -> str | None:
    """Find a server's program on PATH."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """A server, as a context, with a password. It can be stopped, started and silenced.

    `address` is a database of it; `new()` is another, and empty.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._folder = Path(mkdtemp(prefix="dragoman-redis-"))
        self.port = free_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start, empty, and wait until it answers."""
        options = f"""--port {self.port} --bind 127.0.0.1 --save --appendonly no --databases 4096
            --requirepass {PASSWORD} --dir {self._folder}""".split()
        options.insert(options.index("--save") + 1, "")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self._program, *options], stdout=log, stderr=log)
        until = time.monotonic() + LONG_S
        while True:
            redis = BlockingRedis(self._at(0))
            try:
                redis.ask("PING")
                return
            except StoreError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.02)
            finally:
                redis.close()

    def stop(self) -> None:
        """Kill it: whatever it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(LONG_S)
            self._process = None

    def silence(self) -> None:
        """Let it accept connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def new(self) -> RedisAddress:
        """Say where a database is that nobody has used."""
        self._databases += 1
        return self._at(self._databases)

    def _at(self, number: int) -> RedisAddress:
        return RedisAddress(f"redis://:{PASSWORD}@127.0.0.1:{self.port}/{number}")
