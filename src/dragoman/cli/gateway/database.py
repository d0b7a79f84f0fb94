"""`dragoman db`: where the record is kept; into another database, into a file and back."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import InputMissing

if TYPE_CHECKING:
    from dragoman.store.database import Place

TARGET = "DRAGOMAN_TARGET_DATABASE_URL"


class DatabaseUnusable(InputMissing):
    """A database cannot be opened, read or written as it was to be."""

    code = "database_unusable"


@click.group(help=__doc__)
@shared
def db() -> None:
    """See the module."""


@db.command("status")
@as_json
@shared
@click.pass_obj
def status(session: Session, json: bool) -> None:
    """Say where the database is, its version, and how many rows it has. Changes nothing."""
    from dragoman.cli.records.record import find_place
    from dragoman.store.copying import status_of
    from dragoman.store.database import is_there

    place = find_place(session)
    with _told():
        found = status_of(place)
    console = session.terminal.out
    if json:
        from msgspec.structs import asdict

        from dragoman.cli.terminal.json_output import print_json

        print_json(console, asdict(found))
        return
    console.line(found.place if is_there(place) else f"{found.place}  (nothing is there yet)")
    console.line(f"  Kind     {found.kind}")
    behind = "" if found.version == found.current else f", of {found.current}: dragoman db migrate"
    console.line(f"  Version  {found.version}{behind}")
    for table, count in (found.rows or {}).items():
        console.line(f"  {table:16}{count:,}")


@db.command("migrate")
@shared
@click.pass_obj
def migrate(session: Session) -> None:
    """Bring the tables to this dragoman's version, as whatever opens them does."""
    from dragoman.cli.records.record import find_place, tell_of_new
    from dragoman.store.database import open_database
    from dragoman.store.schema import VERSION

    place = find_place(session)
    tell_of_new(session, place)
    with _told():
        open_database(place).close()
    session.terminal.note(f"At version {VERSION}: {place}")


@db.command("migrate-to")
@click.argument("url", required=False)
@shared
@click.pass_obj
def migrate_to(session: Session, url: str | None) -> None:
    """Copy everything into another, empty database: postgresql://user:password@host/name.

    Others on this machine can see a command line. A URL with a password belongs into the variable
    DRAGOMAN_TARGET_DATABASE_URL, or into a file that DRAGOMAN_TARGET_DATABASE_URL_FILE names; then
    none is given here.
    """
    from dragoman.cli.flags import WrongUsage
    from dragoman.store.copying import copy_to
    from dragoman.store.database import named_place, read_place

    place = _find_source(session)
    with _told():
        target = read_place(url) if url else named_place(session.env, TARGET)
        if target is None:
            raise WrongUsage(
                "no database to copy to was named",
                f"give its URL, or set {TARGET} or {TARGET}_FILE",
            )
        _see_that_nothing_waits(session, place)
        counts = copy_to(place, target)
    _tell(session, counts, f"to {target}")
    session.terminal.note("It is used once DRAGOMAN_DATABASE_URL names it.")


@db.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@shared
@click.pass_obj
def backup(session: Session, file: Path) -> None:
    """Write everything into a new SQLite file, while others go on writing."""
    from dragoman.cli.terminal.signals import END, handled
    from dragoman.store.copying import back_up

    place = _find_source(session)
    # Told to end, it clears up as for Ctrl-C; the exit status says by which signal.
    with _told(), handled(END, lambda number, _: sys.exit(128 + number)):
        counts = back_up(place, file)
    _tell(session, counts, f"to {file}")
    if journals := _journals_in_use(session, place):
        session.terminal.note(f"What waits in {journals} is not in it: a gateway will write it.")


@db.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@shared
@click.pass_obj
def restore_backup(session: Session, file: Path) -> None:
    """Copy a backup into the database, which must have no rows yet."""
    from dragoman.cli.records.record import find_place
    from dragoman.store.copying import restore

    place = find_place(session)
    with _told():
        counts = restore(file, place)
    _tell(session, counts, f"to {place}")


@db.command("rebuild-sums")
@click.option("--since", metavar="SPAN", default="all", help="7d, a date, or all (default all).")
@click.option("--until", metavar="SPAN", help="Up to then: a date, or so long ago.")
@shared
@click.pass_obj
def rebuild_sums(session: Session, since: str, until: str | None) -> None:
    """Add up the hourly sums anew, out of what is recorded; the gateway may run meanwhile."""
    from dragoman.cli.records.since import read_since
    from dragoman.ledger.rebuilding import rebuild
    from dragoman.store.database import open_database

    now = time.time()
    first = read_since(since, now)
    last = None if until is None else read_since(until, now)
    place = _find_source(session)
    with _told(), closing(open_database(place, create=False)) as connection:
        done = rebuild(connection, since=first, until=last)
    session.terminal.note(f"Added up {done.exchanges:,} exchanges of {done.hours:,} hours.")
    if done.left is not None:
        session.terminal.note("Hours whose exchanges have been deleted keep the sums they had.")


def _find_source(session: Session) -> Place:
    """Say where the database is that is read. Raises: RecordUnusable, also where there is none."""
    from dragoman.cli.records.record import check_there, find_place

    place = find_place(session)
    check_there(session, place)
    return place


def _journals_in_use(session: Session, place: Place) -> Path | None:
    """Find the journals of gateways that run, or were killed before they had written all."""
    from dragoman.ledger.folder import journal_folder, workers_in

    journals = journal_folder(place, session.env)
    return journals if workers_in(journals) else None


def _see_that_nothing_waits(session: Session, place: Place) -> None:
    """What is only in a journal would stay behind, unseen. Raises: StoreError."""
    from dragoman.store import StoreError

    if journals := _journals_in_use(session, place):
        raise StoreError(
            f"{journals}: a gateway writes here, or was killed before it had written all",
            hint="stop it; if it was killed, start it once more with this database, then stop it",
        )


def _tell(session: Session, counts: Mapping[str, int], where: str) -> None:
    told = ", ".join(f"{count:,} of {table}" for table, count in counts.items() if count)
    session.terminal.note(f"Copied {told or 'nothing, there were no rows,'} {where}")


@contextmanager
def _told() -> Iterator[None]:
    """Tell of a database that cannot be used. Raises: DatabaseUnusable."""
    from dragoman.store import StoreError

    try:
        yield
    except StoreError as error:
        hint = error.hint or "dragoman doctor looks at it"
        raise DatabaseUnusable(str(error), hint=hint) from None
