"""`dragoman logs`: what was asked, what answered, what failed."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.list_group import ListGroup
from dragoman.cli.records.selecting import chosen, in_a_form, print_rows, read_form, read_selection
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.store.records import Entry

SHORT = 8
"""So many of an id's last characters are shown: they are random, and enough to name it."""


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def logs() -> None:
    """List what was asked, unless a command says otherwise."""


@logs.command("list")
@click.option(
    "-n", "--number", type=click.IntRange(min=0), default=20, help="How many; 0 is all of them."
)
@click.option("-q", "--query", multiple=True, metavar="WORD", help="Only those with this in them.")
@click.option("--failed", is_flag=True, help="Only those that failed or were stopped.")
@click.option("--since", metavar="SPAN", help="7d, 24h, today, or a date.")
@click.option("--cid", metavar="ID", help="Only those of one conversation.")
@chosen
@in_a_form
@shared
@click.pass_obj
def list_logs(
    session: Session,
    /,
    number: int,
    query: tuple[str, ...],
    failed: bool,
    since: str | None,
    cid: str | None,
    organisation: str | None,
    project: str | None,
    client: str | None,
    tag: str | None,
    **asked: bool,
) -> None:
    """List what was asked, the latest first."""
    from msgspec.structs import asdict, replace

    from dragoman.cli.records.record import open_records
    from dragoman.cli.records.since import read_since

    form = read_form(**asked)
    start = read_since(since, time.time()) if since is not None else None
    conversation = _conversation(session, cid)
    with open_records(session) as records:
        selection = read_selection(records.connection, organisation, project, client, tag)
        found = records.recent(
            limit=number or None,
            query=query,
            conversation=conversation,
            selection=replace(selection, since=start, failed=True if failed else None),
        )
    if form == "json":
        from dragoman.cli.terminal.json_output import print_json

        print_json(session.terminal.out, [_object(entry) for entry in found])
        return
    if form is not None:
        from dragoman.store.records import Entry

        print_rows(session.terminal.out, form, Entry.__struct_fields__, map(asdict, found))
        return
    if not found:
        session.terminal.note("Nothing is recorded that fits.")
        return
    _print_table(session, found)


@logs.command("show")
@click.argument("id_", metavar="[ID]", required=False)
@as_json
@shared
@click.pass_obj
def show_log(session: Session, id_: str | None, json: bool) -> None:
    """Show one exchange with its attempts; without ID, the last one.

    ID is as the list shows it, or longer.
    """
    from dragoman.cli.records.log_page import log_object, print_log
    from dragoman.cli.records.record import open_records

    with open_records(session) as records:
        found = records.find(id_)
    if found is None:
        raise WrongUsage(
            f"no record, or more than one, has the id {id_!r}", hint="dragoman logs lists them"
        )
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(session.terminal.out, log_object(found))
        return
    print_log(session, found)


@logs.command("path")
@shared
@click.pass_obj
def print_path(session: Session) -> None:
    """Print where the record is: a SQLite file, or a PostgreSQL database."""
    from dragoman.cli.records.record import find_place

    session.terminal.out.line(str(find_place(session)))


def _conversation(session: Session, part: str | None) -> str | None:
    from dragoman.cli.ask.conversation import find_thread

    found = find_thread(session, False, part)
    return found.id if found is not None else None


def _print_table(session: Session, found: list[Entry]) -> None:
    from dragoman.cli.terminal.width import Column, table_lines, window_width

    columns = (
        Column("WHEN"),
        Column("ID"),
        Column("MODEL", shrink=True, least=10, drop=1),
        Column("OUTCOME", drop=3),
        Column("IN", right=True, drop=4),
        Column("OUT", right=True, drop=4),
        Column("TIME", right=True, drop=5),
        Column("COST", right=True, drop=2),
        Column("PROMPT", shrink=True, least=10),
    )
    console = session.terminal.out
    now = datetime.now().astimezone()
    rows = [_columns(entry, now) for entry in found]
    for line in table_lines(console, columns, rows, window_width(console)):
        console.line(line)


def _columns(entry: Entry, now: datetime) -> tuple[str, ...]:
    from dragoman.cli.records.receipt import duration

    about = "~" if entry.usage_estimated else ""
    failed = entry.outcome == "error" and entry.cost_nanousd is None
    unsaid = "-" if failed else "?"
    return (
        moment(entry.started_at, now),
        entry.id[-SHORT:],
        f"{entry.provider}/{entry.model}" if entry.provider else entry.asked,
        "ok" if entry.outcome == "ok" else (entry.error or entry.outcome).replace("_", " "),
        about + count(entry.prompt_tokens, unsaid),
        about + count(entry.completion_tokens, unsaid),
        duration(entry.duration_s),
        "-" if failed else money(entry.cost_nanousd, entry.cost_source),
        entry.prompt if len(entry.prompt) <= 120 else entry.prompt[:119] + "…",
    )


def moment(unix: float, now: datetime) -> str:
    """Write a time as short as it is clear: today's by the clock, older ones by the date."""
    then = datetime.fromtimestamp(unix).astimezone()
    if then.date() == now.date():
        return then.strftime("%H:%M:%S")
    return then.strftime("%b %d %H:%M" if then.year == now.year else "%Y-%m-%d")


def count(tokens: int | None, unsaid: str = "?") -> str:
    """Write a number of tokens; what nobody reported is no zero."""
    return unsaid if tokens is None else f"{tokens:,}"


def money(nano: int | None, source: str = "") -> str:
    """Write an amount of nano-dollars; unknown is no zero."""
    from decimal import Decimal

    from dragoman.cli.records.receipt import REMARKS, dollars
    from dragoman.types.exchange import NANO

    if nano is None:
        return "unknown"
    return dollars(Decimal(nano) / NANO) + REMARKS.get(source, "")


def _object(entry: Entry) -> dict[str, Any]:
    from msgspec.structs import asdict

    from dragoman.cli.terminal.json_output import usd

    found = asdict(entry)
    found["usage_estimated"] = bool(entry.usage_estimated)
    found["cost"] = usd(found.pop("cost_nanousd"))
    return found
