"""Runs the command as a process: with pipes, or at a terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT_S = 60.0
KEPT = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LANG", "LC_ALL")


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Running:
    """A run that goes on."""

    process: subprocess.Popen[bytes]
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    keyboard: int | None = None
    _readers: list[threading.Thread] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def follow(self, descriptor: int, into: bytearray) -> None:
        """Collect what comes out of a descriptor, until its other end is closed."""

        def read() -> None:
            with os.fdopen(descriptor, "rb", buffering=0) as stream:
                while chunk := _read(stream.fileno()):
                    with self._news:
                        into.extend(chunk)
                        self._news.notify_all()

        thread = threading.Thread(target=read)
        thread.start()
        self._readers.append(thread)

    def wait_for(self, text: str, *, err: bool = False, times: int = 1) -> None:
        """Wait until this text has come out, so many times."""
        buffer = self.err if err else self.out
        with self._news:
            if not self._news.wait_for(lambda: buffer.count(text.encode()) >= times, TIMEOUT_S):
                self.process.kill()
                raise AssertionError(f"{text!r} did not come; out {self.out!r}, err {self.err!r}")

    def type(self, text: str) -> None:
        """Type at the terminal."""
        assert self.keyboard is not None
        os.write(self.keyboard, text.encode())

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def interrupt_at_prompt(self) -> None:
        """Press Ctrl-C until it ends: pressed within microseconds of the prompt, before the
        system's read has begun, it takes effect only with the next key."""
        for _ in range(int(TIMEOUT_S)):
            self.interrupt()
            try:
                self.process.wait(1.0)
                return
            except subprocess.TimeoutExpired:
                continue

    def result(self) -> Result:
        """Wait for the end."""
        try:
            code = self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it hangs; out {self.out!r}, err {self.err!r}") from None
        for thread in self._readers:
            thread.join()
        return Result(code, _text(self.out), _text(self.err))


class Dragoman:
    """The command in a home of its own: `dragoman("-m", "demo/echo", "hi")`.

    `env` is what it sees of variables beside the way to that home.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "work"
        self.cwd.mkdir()
        self.env: dict[str, str] = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.env |= {"HOME": str(home), "PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"}

    @property
    def config_file(self) -> Path:
        return self.home / ".config/dragoman/config.toml"

    @property
    def database(self) -> Path:
        return self.home / ".local/share/dragoman/dragoman.db"

    def configure(self, text: str, name: str = "config.toml") -> Path:
        """Write the user's configuration."""
        path = self.config_file.with_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def __call__(
        self,
        *arguments: str,
        stdin: bytes | int | None = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run it to its end; `stdin` is what is piped in, or a descriptor."""
        given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        done = subprocess.run(
            self.command(arguments),
            capture_output=True,
            timeout=TIMEOUT_S,
            cwd=self.cwd,
            env={**self.env, **(env or {})},
            check=False,
            **given,  # type: ignore[call-overload]
        )
        return Result(done.returncode, _text(done.stdout), _text(done.stderr))

    def start(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
        close_fds_of: Sequence[int] = (),
    ) -> Running:
        """Start it with pipes."""
        process = subprocess.Popen(
            self.command(arguments),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.cwd,
            env={**self.env, **(env or {})},
        )
        running = Running(process)
        assert process.stdout is not None
        assert process.stderr is not None
        for stream, into in ((process.stdout, running.out), (process.stderr, running.err)):
            running.follow(os.dup(stream.fileno()), into)
            stream.close()
        for descriptor in close_fds_of:
            os.close(descriptor)
        return running

    def at_terminal(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        piped: bool = False,
        columns: int = 80,
    ) -> Running:
        """Start it at a terminal; its two outputs are two terminals, so that they stay apart.

        `piped`: standard output goes into a pipe. `columns` is how wide the windows are.
        """
        running_in, theirs_in = pty.openpty()
        out, theirs_out = os.pipe() if piped else pty.openpty()
        err, theirs_err = pty.openpty()
        for window in (theirs_in, theirs_err, *(() if piped else (theirs_out,))):
            termios.tcsetwinsize(window, (24, columns))
        process = subprocess.Popen(
            self.command(arguments),
            stdin=theirs_in,
            stdout=theirs_out,
            stderr=theirs_err,
            cwd=self.cwd,
            env={**self.env, "TERM": "xterm-256color", **(env or {})},
            start_new_session=True,
        )
        for descriptor in (theirs_in, theirs_out, theirs_err):
            os.close(descriptor)
        running = Running(process, keyboard=running_in)
        running.follow(out, running.out)
        running.follow(err, running.err)
        os.close(running_in) if process.poll() is not None else _keep(process, running_in)
        return running

    def shell(self, command: str) -> Result:
        """Run a shell's command line in this home."""
        done = subprocess.run(
            ["sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            cwd=self.cwd,
            env=self.env,
            check=False,
        )
        return Result(done.returncode, _text(done.stdout), _text(done.stderr))

    @staticmethod
    def command(arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "dragoman", *arguments]


def _keep(process: subprocess.Popen[bytes], descriptor: int) -> None:
    """Close a descriptor once the process has ended."""

    def wait() -> None:
        process.wait()
        os.close(descriptor)

    threading.Thread(target=wait).start()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end of a terminal is closed
        return b""


def _text(raw: bytes | bytearray) -> str:
    return bytes(raw).decode(errors="replace").replace("\r\n", "\n")
