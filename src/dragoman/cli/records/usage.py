"""`dragoman usage`: what all of it took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.list_group import ListGroup
from dragoman.cli.records.selecting import chosen, in_a_form, print_rows, read_form, read_selection
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.store.sums import By, Sum

FULL, PARTS = "█", "▏▎▍▌▋▊▉"
BAR = 20


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def usage() -> None:
    """Add up, unless a command says otherwise."""


@usage.command("list")
@click.option(
    "--by",
    type=click.Choice(["model", "provider", "key", "client", "day"]),
    default="model",
    help="What to add up for.",
)
@click.option(
    "--since", metavar="SPAN", default="30d", help="7d, 24h, today, a date, or all (default 30d)."
)
@chosen
@in_a_form
@shared
@click.pass_obj
def list_usage(
    session: Session,
    /,
    by: str,
    since: str,
    organisation: str | None,
    project: str | None,
    client: str | None,
    tag: str | None,
    **asked: bool,
) -> None:
    """Add up calls, tokens and cost, as far as they are known; every attempt counts."""
    from dragoman.cli.records.record import open_records
    from dragoman.cli.records.since import read_since
    from dragoman.store.forgotten import forgotten_before

    form = read_form(**asked)
    start = read_since(since, time.time())
    with open_records(session) as records:
        selection = read_selection(records.connection, organisation, project, client, tag)
        sums = records.sums(cast("By", by), since=start, selection=selection)
        forgotten = forgotten_before(records.connection)
    if forgotten is not None and (start is None or start < forgotten):
        session.terminal.note(_of_deleted(by, forgotten))
    if form == "json":
        from dragoman.cli.terminal.json_output import print_json

        found = {"by": by, "since": start, "groups": [_object(s) for s in sums]}
        print_json(session.terminal.out, {**found, "total": _object(_total(sums))})
        return
    if form is not None:
        from msgspec.structs import asdict

        from dragoman.store.sums import Sum

        rows = [asdict(one) for one in sums]
        print_rows(session.terminal.out, form, Sum.__struct_fields__, rows)
        return
    if not sums:
        session.terminal.note("Nothing is recorded in that time: --since all looks at everything.")
        return
    for line in _lines(session, by, sums):
        session.terminal.out.line(line)


@usage.command("reconcile")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--provider", metavar="NAME", help="Whose file it is: our name of that provider.")
@click.option("--organisation", metavar="NAME", help="Only what was asked for an organisation.")
@click.option(
    "--tolerance",
    metavar="PERCENT",
    default="0",
    help="By how much figures may differ (default 0).",
)
@as_json
@shared
@click.pass_obj
def reconcile(
    session: Session,
    file: Path,
    provider: str | None,
    organisation: str | None,
    tolerance: str,
    json: bool,
) -> Exit:
    """Compare what is recorded with a provider's own export: CSV or JSON, by day and model.

    The exit status is 1 when figures differ by more than is tolerated.
    """
    from dragoman.cli.records.reconciling import reconcile_file

    agrees = reconcile_file(session, file, provider, organisation, tolerance, json=json)
    return Exit.OK if agrees else Exit.UNEXPECTED


def _of_deleted(by: str, forgotten: float) -> str:
    from datetime import datetime

    from dragoman.store.sums import DELETED

    before = f"{datetime.fromtimestamp(forgotten).astimezone():%Y-%m-%d %H:%M}"
    told = f"What was asked of the gateway before {before} is deleted, and told by whole hours"
    return f"{told}; with which key is not kept: {DELETED}." if by == "key" else f"{told}."


def _lines(session: Session, by: str, sums: Sequence[Sum]) -> Iterator[str]:
    from dragoman.cli.terminal.width import Column, table_lines, window_width

    console = session.terminal.out
    width = window_width(console)
    share = "cost" if any(s.cost_nanousd for s in sums) else "tokens"
    weights = [s.cost_nanousd if share == "cost" else _tokens(s) for s in sums]
    columns = (
        Column(by.upper(), shrink=True, least=12),
        Column("CALLS", right=True, drop=1),
        Column("FAILED", right=True, drop=4),
        Column("IN", right=True, drop=2),
        Column("OUT", right=True, drop=2),
        Column("COST", right=True),
        Column(f"SHARE OF {share.upper()}", drop=3),
    )
    rows = [
        (*_row(one), bar(weight, max(weights), BAR, plain=not console.can_show(FULL + PARTS)))
        for one, weight in zip(sums, weights, strict=True)
    ]
    if len(sums) > 1:
        rows.append((*_row(_total(sums)), ""))
    yield from table_lines(console, columns, rows, width)
    if sum(one.unmetered for one in sums):
        yield console.style("Tokens that a provider does not report count as none here.", "dim")


def _row(one: Sum) -> tuple[str, ...]:
    about = "~" if one.estimated else ""
    return (
        one.name,
        f"{one.attempts:,}",
        f"{one.failed:,}" if one.failed else "-",
        _known(one, one.prompt_tokens, about),
        _known(one, one.completion_tokens, about),
        cost(one),
    )


def cost(one: Sum) -> str:
    """Write a sum's cost: what is known, what is not, what was only the demo's.

    `$1.20 + 3 unknown`. Nothing known is `unknown`, never zero.
    """
    from dragoman.cli.records.logs import money

    parts = []
    if one.priced:
        parts.append(money(one.cost_nanousd))
    if one.demo_nanousd:
        parts.append(money(one.demo_nanousd, "demo"))
    if one.unknown:
        parts.append(f"{one.unknown:,} unknown" if parts else "unknown")
    return " + ".join(parts) or "-"


def bar(weight: int, most: int, width: int, *, plain: bool) -> str:
    """Draw a share of the greatest, in eighths of a cell."""
    if most <= 0 or weight <= 0:
        return ""
    eighths = max(1, round(weight * width * 8 / most))
    if plain:
        return "#" * max(1, round(eighths / 8))
    whole, rest = divmod(eighths, 8)
    return FULL * whole + (PARTS[rest - 1] if rest else "")


def _known(one: Sum, tokens: int, about: str) -> str:
    answered = one.attempts - one.failed
    if not tokens and answered == 0:
        return "-"
    return "?" if not tokens and one.unmetered >= answered > 0 else f"{about}{tokens:,}"


def _tokens(one: Sum) -> int:
    return one.prompt_tokens + one.completion_tokens


def _total(sums: Sequence[Sum]) -> Sum:
    from dragoman.store.sums import Sum

    names = [name for name in Sum.__struct_fields__ if name != "name"]
    return Sum(name="total", **{name: sum(getattr(s, name) for s in sums) for name in names})


def _object(one: Sum) -> dict[str, Any]:
    from msgspec.structs import asdict

    from dragoman.cli.terminal.json_output import usd

    found = asdict(one)
    nano = found.pop("cost_nanousd")
    found["cost"] = usd(nano if one.priced or not one.unknown else None)
    found["demo_cost"] = usd(found.pop("demo_nanousd"))
    found["unknown_costs"] = found.pop("unknown")
    return found
