"""Compares the record with a provider's export, and tells the differences."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.cli.flags import WrongUsage
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import InputMissing

if TYPE_CHECKING:
    from dragoman.ledger.reconcile import Difference

TITLES = {"prompt_tokens": "input", "completion_tokens": "output", "cost_nanousd": "cost"}


class UnreadableExport(InputMissing):
    """The file is no export of usage or costs that we can read."""

    code = "unreadable_export"


def reconcile_file(
    session: Session,
    file: Path,
    provider: str | None,
    organisation: str | None,
    tolerance: str,
    *,
    json: bool,
) -> bool:
    """Compare, and print what differs. Returns: whether all is within what is tolerated.

    Raises: InputMissing, UnreadableExport, WrongUsage, RecordUnusable.
    """
    from dragoman.cli.records.record import open_records
    from dragoman.cli.records.selecting import find_organisation
    from dragoman.ledger.provider_exports import NoExport, read_export
    from dragoman.ledger.reconcile import compare

    share = _share(tolerance)
    try:
        theirs = read_export(_read(file))
    except NoExport as error:
        raise UnreadableExport(
            f"{file} is no export of usage or costs: {error}",
            hint="export usage or costs as CSV or JSON, with a day and a model in each row",
        ) from None
    with open_records(session) as records:
        connection = records.connection
        owner = None if organisation is None else find_organisation(connection, organisation)
        found = compare(connection, theirs, provider, organisation_id=owner, tolerance=share)
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(session.terminal.out, found)
    else:
        _print(session, found)
    return not any(one.beyond for one in found)


def _read(file: Path) -> str:
    """Read the file. Raises: InputMissing, NoExport."""
    from dragoman.ledger.provider_exports import SIZE_LIMIT, NoExport

    try:
        with file.open("rb") as opened:
            content = opened.read(SIZE_LIMIT + 1)  # what a device says of its size is nothing
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputMissing(
            f"{file} cannot be read: {reason.lower()}",
            hint="name a file that a provider's console or API gave, and that you may read",
        ) from None
    if len(content) > SIZE_LIMIT:
        raise NoExport(f"it is larger than {SIZE_LIMIT // 1024 // 1024} MiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise NoExport("it is no text in UTF-8") from None


def _print(session: Session, found: list[Difference]) -> None:
    from dragoman.cli.terminal.width import Column, table_lines, window_width

    console = session.terminal.out
    beyond = [one for one in found if one.beyond]
    if beyond:
        columns = (
            Column("DAY"),
            Column("MODEL", shrink=True, least=10),
            Column("WHAT"),
            Column("OURS", right=True),
            Column("THEIRS", right=True),
            Column("DIFFERENCE", right=True),
        )
        rows = [
            (
                one.day,
                one.model or "(all)",
                TITLES[one.measure],
                _figure(one, one.ours),
                _figure(one, one.theirs),
                _figure(one, one.ours - one.theirs),
            )
            for one in beyond
        ]
        for line in table_lines(console, columns, rows, window_width(console)):
            console.line(line)
        unknown = sum(one.unknown for one in beyond if one.measure == "cost_nanousd")
        if unknown:
            session.terminal.note(
                f"The cost of {unknown:,} attempts is not known: set prices for these models."
            )
    agree = len(found) - len(beyond)
    session.terminal.note(f"{agree:,} of {len(found):,} figures agree.")


def _figure(one: Difference, value: int) -> str:
    from dragoman.types.exchange import NANO

    if one.measure == "cost_nanousd":
        return f"{'-' if value < 0 else ''}${abs(Decimal(value)) / NANO:f}"
    return f"{value:,}"


def _share(text: str) -> Decimal:
    try:
        percent = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        percent = Decimal("NaN")
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise WrongUsage(f"{text!r} is no number of percent", hint="write 0.5, or 1%")
    return percent / 100
