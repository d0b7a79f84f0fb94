"""What it takes to serve from the command line: what a worker is given, and one for a while."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dragoman.cli.flags import WrongUsage
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.server.assembly import Work
    from dragoman.server.sources import Reading
    from dragoman.store import Place

LOG = "gateway.log"
ANOTHER = "name another database with DRAGOMAN_DATABASE_URL, or move this one away"
_OWN = {"host": "127.0.0.1", "port": 0, "drain": 1.0}
"""For a gateway that ends with the only program that asks it."""


class Rereading:
    """Reads the configuration as this command line wants it, each time anew."""

    def __init__(self, session: Session, server: Mapping[str, Any]) -> None:
        self._session = session
        self._overrides = {"server": dict(server)} if server else {}

    def __call__(self) -> Reading:
        """Read. Raises: ConfigError."""
        from dragoman.cli.providers.model_cache import read_cache
        from dragoman.config import load

        session = self._session
        config = load(file=session.config_file, overrides=self._overrides, egress="operator")
        discovered = read_cache(session.env).discovered(config.providers)
        return config, discovered, session.env


def prepare(session: Session, reading: Rereading, orphaned: int | None = None) -> Work:
    """Read the configuration, and make what a worker is given. Raises: ConfigError, WrongUsage."""
    try:
        from dragoman.server.assembly import Work
    except ImportError as error:
        if (error.name or "").startswith("dragoman"):
            raise
        raise WrongUsage(
            f"the gateway needs {error.name}, which is not installed",
            "pip install 'dragoman[server]'",
        ) from None
    first = reading()
    first[0].check_guards()
    host, place = first[0].server.host, _find_place(session)
    if orphaned is None:
        _check_database(session, host, place)
    return Work(first, reading, host, place, orphaned)


def _find_place(session: Session) -> Place:
    """Say where the database is. Raises: ConfigError for variables that name none."""
    from dragoman.errors import ConfigError
    from dragoman.store.database import StoreError, database_place

    try:
        return database_place(session.env)
    except StoreError as error:
        raise ConfigError(str(error), hint=error.hint) from None


def _check_database(session: Session, host: str, place: Place) -> None:
    """See that the database is ours, and that its secrets can be kept and opened.

    One that is away is waited for by those who need it. Raises: ConfigError for a server that could
    never use it.
    """
    from dragoman.errors import ConfigError
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.safe import Safe
    from dragoman.server.admission.access import is_loopback
    from dragoman.store.database import StoreError, WrongDatabase, version_of

    with contextlib.closing(Desk(place)) as desk, contextlib.suppress(StoreError):
        try:
            Safe(desk, session.env).check_key(needed=not is_loopback(host))
            version_of(place)
        except WrongDatabase as error:
            raise ConfigError(str(error), hint=error.hint or ANOTHER) from None


def log_to_stderr(*, debug: bool) -> None:
    """Say one line for what goes wrong; the traceback is for whoever asked to see it."""
    import logging

    class Brief(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            if not debug:
                record.exc_info = record.exc_text = None
            return super().format(record)

    handler = logging.StreamHandler()
    handler.setFormatter(Brief("%(asctime)s %(message)s"))
    root = logging.getLogger("dragoman")
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.WARNING)


@contextlib.contextmanager
def serving(session: Session) -> Iterator[str]:
    """Serve on a free port of this machine as long as the context lasts; gives the URL.

    It is a process of its own, out of reach of the terminal's Ctrl-C; what it has to say goes into
    a file. It ends with us, however we end. Raises: ConfigError, WrongUsage.
    """
    from dragoman.server.sockets import listen, url_of
    from dragoman.server.supervisor import end_with

    if not hasattr(os, "fork"):
        raise WrongUsage("this system cannot serve beside", "dragoman serve, in another terminal")
    alive, alive_end = os.pipe()
    work = prepare(session, Rereading(session, _OWN), alive)
    sockets = listen("127.0.0.1", 0)
    url = url_of(sockets[0])
    for console in (session.terminal.out, session.terminal.err):
        console.stream.flush()
    pid = os.fork()
    if pid == 0:
        os.close(alive_end)
        end_with(lambda: _be_gateway(session, work, sockets))
    os.close(alive)
    for sock in sockets:
        sock.close()
    try:
        yield url  # what connects before the gateway is ready waits in the sockets' backlog
    finally:
        os.close(alive_end)
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def _be_gateway(session: Session, work: Work, sockets: Sequence[socket.socket]) -> None:
    from dragoman.server.worker import run_worker

    os.setsid()
    _write_to(session)
    log_to_stderr(debug=session.debug)
    run_worker(work, sockets)


def _write_to(session: Session) -> None:
    """Turn what is printed into the log: the terminal is somebody else's now."""
    from dragoman.config.files import state_folder

    path = state_folder(session.env) / LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
