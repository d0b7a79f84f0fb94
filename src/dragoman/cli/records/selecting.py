"""Options of `logs` and `usage`: whose exchanges are meant, and whether they go into a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import click

from dragoman.cli.flags import Options, WrongUsage, as_json, check_apart
from dragoman.cli.terminal.streams import Console

if TYPE_CHECKING:
    from dragoman.store.database import Connection
    from dragoman.store.selection import Selection

Form: TypeAlias = Literal["csv", "jsonl"]
"""What goes into a file: see `print_rows`."""


chosen = Options(
    click.option("--organisation", metavar="NAME", help="Only those of an organisation."),
    click.option("--project", metavar="NAME", help="Only those of a project."),
    click.option("--client", "--key", metavar="NAME", help="Only those of a gateway key."),
    click.option("--tag", metavar="TAG", help="Only those with this tag; '' those with none."),
)
"""Which exchanges are meant: see `read_selection`."""

in_a_form = Options(
    as_json,
    click.option("--csv", is_flag=True, help="Print CSV, for spreadsheets."),
    click.option("--jsonl", is_flag=True, help="Print a JSON object a line."),
)
"""Which form rows are printed in: see `read_form`."""


def read_form(*, json: bool, csv: bool, jsonl: bool) -> Form | Literal["json"] | None:
    """Say which form is asked for, None for that of people. Raises: WrongUsage for two of them."""
    check_apart("--json", json, "--csv", csv)
    check_apart("--json", json, "--jsonl", jsonl)
    check_apart("--csv", csv, "--jsonl", jsonl)
    return "json" if json else "csv" if csv else "jsonl" if jsonl else None


def read_selection(
    connection: Connection,
    organisation: str | None,
    project: str | None,
    client: str | None,
    tag: str | None,
) -> Selection:
    """Find what was named. Raises: WrongUsage, StoreError."""
    from dragoman.store.selection import Selection

    owner = None if organisation is None else find_organisation(connection, organisation)
    return Selection(
        organisation_id=owner,
        project_id=None if project is None else _find_project(connection, project, owner),
        key=client,
        tag=tag,
    )


def find_organisation(connection: Connection, name: str) -> str:
    """Find an organisation's id by its name. Raises: WrongUsage, StoreError."""
    rows = connection.rows("SELECT id FROM organisation WHERE name = :name", {"name": name})
    if not rows:
        known = connection.rows("SELECT name FROM organisation ORDER BY name LIMIT 10")
        names = ", ".join(row["name"] for row in known)
        raise WrongUsage(f"there is no organisation {name!r}", hint=f"there is {names}")
    return str(rows[0]["id"])


def _find_project(connection: Connection, name: str, organisation_id: str | None) -> str:
    whose = "" if organisation_id is None else " AND organisation_id = :owner"
    values = {"name": name, "owner": organisation_id}
    rows = connection.rows(
        f"SELECT id FROM project WHERE (name = :name OR id = :name){whose}",  # noqa: S608
        values,
    )
    if len(rows) > 1:
        raise WrongUsage(
            f"there is more than one project {name!r}", hint="name its organisation: --organisation"
        )
    if not rows:
        known = connection.rows(
            f"SELECT DISTINCT name FROM project WHERE name != :name{whose} ORDER BY name LIMIT 10",  # noqa: S608
            values,
        )
        names = ", ".join(row["name"] for row in known) or "none"
        more = "; --organisation looks in one alone" if organisation_id is None else ""
        raise WrongUsage(f"there is no project {name!r}", hint=f"there is {names}{more}")
    return str(rows[0]["id"])


def print_rows(
    console: Console, form: Form, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Print rows for a file. No cell of a CSV is a formula."""
    from dragoman.ledger.export import write_rows

    console.write(write_rows(form, columns, rows).replace("\r\n", "\n"))
