"""`dragoman serve`: the gateway."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.gateway.serving import Rereading, log_to_stderr, prepare
from dragoman.cli.records.record import tell_of_new
from dragoman.cli.session import Session

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence, Sized

    from dragoman.config import Config
    from dragoman.server.assembly import Work


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Listen here instead of at 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that answer.")
@click.option("--quiet", is_flag=True, help="Print nothing but what goes wrong.")
@click.option("--check", is_flag=True, help="Ask the one that runs here whether it is ready; end.")
@shared
@click.pass_obj
def serve(
    session: Session,
    host: str | None,
    port: int | None,
    workers: int | None,
    quiet: bool,
    check: bool,
) -> None:
    """Run the gateway: every configured provider behind one OpenAI- and Anthropic-compatible URL.

    Clients change their base URL, and ask for PROVIDER/MODEL. Ctrl-C stops it.
    """
    given = {"host": host, "port": port, "workers": workers}
    server = {name: value for name, value in given.items() if value is not None}
    if check:
        from dragoman.cli.gateway.serve_check import check_gateway

        check_gateway(session, Rereading(session, server)()[0].server)
        return
    work = prepare(session, Rereading(session, server))

    from msgspec.structs import replace

    from dragoman.cli.gateway.serve_setup import see_to_operator
    from dragoman.server.limits.limits import check_limits
    from dragoman.server.sockets import listen, url_of, widest_host
    from dragoman.server.systemd import notify, take_sockets
    from dragoman.server.worker import run_worker

    config = work.reading[0]
    settings = config.server
    check_limits(config, session.env, work.database)
    given_sockets = take_sockets(os.environ)
    sockets = given_sockets or listen(settings.host, settings.port)
    if given_sockets:
        # Whoever made them decided who can reach them, and so who needs a key.
        work = replace(work, listening=widest_host(given_sockets))
    log_to_stderr(debug=session.debug)
    session.tell_notes()
    if not quiet and work.database is not None:
        tell_of_new(session, work.database)
    link = see_to_operator(session, config, work, url_of(sockets[0]))

    def started() -> None:
        if not quiet:
            _print_banner(session, config, sockets, _who(session.env, work, config, link))
        if link is not None:
            session.terminal.out.line(f"  Set-up  {link}   (valid once, for a day)")
        notify(os.environ, "READY=1")

    if settings.workers == 1:
        run_worker(work, sockets, started)
        return
    if not hasattr(os, "fork"):
        raise WrongUsage("this system has no way to run several workers", "leave --workers out")
    started()
    _run_workers(work, sockets, settings.workers)


def _run_workers(work: Work, sockets: Sequence[socket.socket], count: int) -> None:
    """Serve with several workers, until told to stop."""
    from msgspec.structs import replace

    from dragoman.server.succession import Succession
    from dragoman.server.supervisor import Supervisor
    from dragoman.server.worker import run_worker

    succession = Succession(work)
    with TemporaryDirectory(prefix="dragoman-") as folder:

        def be_worker(orphaned: int) -> None:
            now = replace(succession.work, orphaned=orphaned, shared=Path(folder))
            run_worker(now, sockets)

        Supervisor(be_worker, count, succession.look).run()


def _print_banner(
    session: Session, config: Config, sockets: Sequence[socket.socket], who: str
) -> None:
    from dragoman import __version__
    from dragoman.cli.terminal.streams import printable
    from dragoman.server.sockets import url_of
    from dragoman.store import database_place

    console = session.terminal.out
    url = url_of(sockets[0])
    files = [str(file.path) for file in config.files if file.found and not file.error]
    counts = f"{_count(config.custom, 'provider')}, {_count(config.routes, 'route')}"
    console.line(f"dragoman {__version__}")
    console.line(f"  API     {url}/v1   (OpenAI and Anthropic compatible)")
    console.line(f"  Console {url}/console/")
    console.line(f"  Config  {printable(', '.join(files) or 'none: built-in providers only')}")
    console.line(f"          {counts}; changes are picked up")
    if config.server.log:
        console.line(f"  Ledger  {printable(str(database_place(session.env)))}")
    console.line(f"  Keys    {who}")


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _who(env: Mapping[str, str], work: Work, config: Config, link: str | None) -> str:
    """Say who may ask. `link` sets up what others can reach and nothing guards."""
    from dragoman.server.admission.access import is_loopback
    from dragoman.server.admission.guard_mark import GuardMark

    if config.gateway_keys:
        return f"{_count(config.gateway_keys, 'gateway key')}: every request needs one"
    local = is_loopback(work.listening)
    seen = work.database is not None and GuardMark(env, work.database).stands
    if seen or (link is None and not local):
        return "those in the database: every request needs one"
    if local:
        return "none needed: only this machine can ask"
    return "none in the configuration, and others can reach this address: open the set-up link"
