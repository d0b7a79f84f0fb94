"""`dragoman usage`: what all of it took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.store.records import By, Sum

FULL, PARTS = "█", "▏▎▍▌▋▊▉"
BAR = 20
NARROWEST = 6


@click.command("usage")
@click.option(
    "--by",
    type=click.Choice(["model", "provider", "key", "client", "day"]),
    default="model",
    help="What to add up for.",
)
@click.option(
    "--since", metavar="SPAN", default="30d", help="7d, 24h, today, a date, or all (default 30d)."
)
@as_json
@shared
@click.pass_obj
def usage(session: Session, by: str, since: str, json: bool) -> None:
    """Add up calls, tokens and cost, as far as they are known; every attempt counts."""
    from dragoman.cli.record import open_records
    from dragoman.cli.since import read_since

    start = read_since(since, time.time())
    with open_records(session) as records:
        sums = records.sums(cast("By", by), since=start)
    if json:
        from dragoman.cli.json_output import print_json

        found = {"by": by, "since": start, "groups": [_object(s) for s in sums]}
        print_json(session.terminal.out, {**found, "total": _object(_total(sums))})
        return
    if not sums:
        session.terminal.note("Nothing is recorded in that time: --since all looks at everything.")
        return
    for line in _lines(session, by, sums):
        session.terminal.out.line(line)


def _lines(session: Session, by: str, sums: Sequence[Sum]) -> Iterator[str]:
    from dragoman.cli.width import Column, table_lines, window_width

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
    from dragoman.cli.logs import money

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
    from dragoman.store.records import Sum

    names = [name for name in Sum.__struct_fields__ if name != "name"]
    return Sum(name="total", **{name: sum(getattr(s, name) for s in sums) for name in names})


def _object(one: Sum) -> dict[str, Any]:
    from dragoman.cli.json_output import usd

    found = {name: getattr(one, name) for name in one.__struct_fields__}
    nano = found.pop("cost_nanousd")
    found["cost"] = usd(nano if one.priced or not one.unknown else None)
    found["demo_cost"] = usd(found.pop("demo_nanousd"))
    found["unknown_costs"] = found.pop("unknown")
    return found
