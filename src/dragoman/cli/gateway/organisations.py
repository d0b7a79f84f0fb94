"""`dragoman organisations`: who has a part of the gateway to themselves: list, create, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import Options, WrongUsage, as_json, shared
from dragoman.cli.gateway.office import open_office
from dragoman.cli.list_group import ListGroup
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.organisations.organisations import Organisation

_QUOTAS = ("keys", "providers", "projects", "members")


_limited = Options(
    click.option(
        "--keys", metavar="N", help="So many gateway keys at most; 'none' for any number."
    ),
    click.option("--providers", metavar="N", help="So many providers of its own."),
    click.option("--projects", metavar="N", help="So many projects."),
    click.option("--members", metavar="N", help="So many members."),
    click.option(
        "--operator-providers",
        metavar="NAMES",
        help="Which of the gateway's providers it may use, built-in or configured, by commas;"
        " '*' for all, 'none' for none.",
    ),
)
"""The quotas."""


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def organisations() -> None:
    """List the organisations, unless a command says otherwise."""


@organisations.command("list")
@as_json
@shared
@click.pass_obj
def list_all(session: Session, json: bool) -> None:
    """List the organisations, with their quotas."""
    from dragoman.organisations.organisations import list_organisations
    from dragoman.types.paging import every

    with open_office(session) as office, office.desk.read() as connection:
        found = list(every(lambda page: list_organisations(connection, page)))
    console = session.terminal.out
    if json:
        from msgspec import to_builtins

        from dragoman.cli.terminal.json_output import print_json

        print_json(console, [to_builtins(one) for one in found])
        return
    for one in found:
        console.line(f"{one.name:20} {one.title:30} {_quotas(one)}".rstrip())


@organisations.command("create")
@click.argument("name")
@click.option("--title", metavar="TEXT", help="What people call it.")
@_limited
@shared
@click.pass_obj
def create(session: Session, /, name: str, title: str | None, **said: str | None) -> None:
    """Make an organisation. It may use those of the gateway's providers that you name.

    \b
    dragoman organisations create acme --title 'ACME Inc.' --operator-providers openai,groq
    """
    from dragoman.organisations.organisations import create_organisation
    from dragoman.types.organisation import Quotas

    quotas = Quotas(**_changes(said))  # type: ignore[arg-type]
    with open_office(session, create=True) as office:
        made = create_organisation(office.desk, office.actor, name, title or name, quotas=quotas)
    tell = session.terminal.note
    tell(f"Made '{name}'. Invite its owner: dragoman members invite owner --organisation {name}")
    _tell_opened(session, made)


@organisations.command("set")
@click.argument("name")
@click.option("--title", metavar="TEXT", help="What people call it.")
@_limited
@shared
@click.pass_obj
def set_(session: Session, /, name: str, title: str | None, **said: str | None) -> None:
    """Change an organisation's title and quotas; what is not given stays.

    \b
    dragoman organisations set acme --keys 20 --operator-providers openai,groq
    """
    from msgspec import UNSET

    from dragoman.organisations.organisations import update_organisation
    from dragoman.types.organisation import QuotasChange

    changes = _changes(said)
    if title is None and not changes:
        raise WrongUsage("nothing is to be changed", "say what: --title, --keys, …")
    with open_office(session, create=True) as office:
        found = office.organisation(name)
        changed = update_organisation(
            office.desk,
            office.actor,
            found,
            title=title,
            quotas=QuotasChange(**changes) if changes else UNSET,  # type: ignore[arg-type]
        )
    session.terminal.note(f"Changed '{name}'")
    if "operator_providers" in changes:
        _tell_opened(session, changed)


@organisations.command("delete")
@click.argument("name")
@click.option("--confirm", metavar="NAME", required=True, help="Its name once more.")
@shared
@click.pass_obj
def delete(session: Session, name: str, confirm: str) -> None:
    """Delete an organisation and all that is set up in it; what was used stays in the records."""
    from dragoman.organisations.organisations import delete_organisation

    with open_office(session) as office:
        delete_organisation(office.desk, office.actor, office.organisation(name), confirm=confirm)


def _changes(said: dict[str, str | None]) -> dict[str, object]:
    """Read the quotas that are given. Raises: WrongUsage."""
    given = {name: text for name, text in said.items() if text is not None}
    names = given.pop("operator_providers", None)
    changes: dict[str, object] = {name: _count(text, f"--{name}") for name, text in given.items()}
    if names is not None:
        parts = tuple(part.strip() for part in names.split(",") if part.strip())
        changes["operator_providers"] = () if parts == ("none",) else parts
    return changes


def _tell_opened(session: Session, organisation: Organisation) -> None:
    """Say which of the gateway's providers it may use, and of names that nobody has."""
    from dragoman.organisations.opened import Opened
    from dragoman.suggest import meant, nearest

    opened = Opened(organisation.id, organisation.quotas)
    known = session.config().providers
    for name in organisation.quotas.operator_providers or ():
        if "*" not in name and name not in known:
            close = meant(nearest(name, known))
            session.terminal.warn(f"no provider is called '{name}' so far{close}")
    if opened.every:
        session.terminal.note("It may use all of the gateway's providers, and you pay.")
    elif not organisation.quotas.operator_providers:
        session.terminal.note(
            "It may use none of the gateway's providers, only its own. To change that:"
            f" dragoman organisations set {organisation.name} --operator-providers NAMES"
        )


def _count(said: str, option: str) -> int | None:
    if said == "none":
        return None
    if not said.isascii() or not said.isdigit():
        raise WrongUsage(f"{option} takes a number", f"{option} 20, or {option} none")
    return int(said)


def _quotas(organisation: Organisation) -> str:
    quotas = organisation.quotas
    said = [
        f"{getattr(quotas, name)} {name}" for name in _QUOTAS if getattr(quotas, name) is not None
    ]
    most = f"at most {', '.join(said)}" if said else ""
    return "; ".join(part for part in (_opened(organisation), most) if part)


def _opened(organisation: Organisation) -> str:
    """Say which of the gateway's providers it may use."""
    from dragoman.organisations.opened import Opened

    if Opened(organisation.id, organisation.quotas).every:
        return "all of the gateway's providers"
    names = organisation.quotas.operator_providers
    return f"of the gateway's providers {', '.join(names) if names else 'none'}"
