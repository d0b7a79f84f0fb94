"""`dragoman org-providers`: an organisation's own providers: list, set, enable, disable, delete."""

from __future__ import annotations

import sys
from typing import Any

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.gateway.office import of_organisation, open_office
from dragoman.cli.list_group import ListGroup
from dragoman.cli.session import Session

_APIS = ("openai-completions", "openai-responses", "anthropic-messages")


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def org_providers() -> None:
    """List the providers, unless a command says otherwise."""


@org_providers.command("list")
@of_organisation
@as_json
@shared
@click.pass_obj
def list_providers(session: Session, organisation: str, json: bool) -> None:
    """List an organisation's own providers, and for which others it has a token."""
    from dragoman.organisations.provider_rows import list_stored, problems_of

    with open_office(session) as office:
        organisation_id = office.organisation(organisation).id
        with office.desk.read() as connection:
            rows = list_stored(connection, organisation_id)
        problems = {row.name: problems_of(office.safe, row) for row in rows}
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(
            console,
            [
                {
                    "name": row.name,
                    "settings": row.said,
                    "token_for": row.origin,
                    "egress": row.egress,
                    "enabled": row.enabled,
                    "version": row.version,
                    "problems": problems[row.name],
                }
                for row in rows
            ],
        )
        return
    if not rows:
        session.terminal.note(f"'{organisation}' has no providers of its own")
    for row in rows:
        where = "(a token for the built-in provider)"
        if row.definition is not None:
            where = str(row.said.get("base_url") or "(no address)")
        words = ["disabled"] * (not row.enabled) + ["no token"] * (row.token is None)
        console.line(f"{row.name:16} {where}  {', '.join(words)}".rstrip())
        for problem in problems[row.name]:
            session.terminal.warn(f"{row.name} cannot be used: {problem}")


@org_providers.command("set")
@click.argument("name")
@click.argument("base_url")
@of_organisation
@click.option("--api", type=click.Choice(_APIS), help="The language that it speaks.")
@click.option("--model", "models", multiple=True, metavar="ID", help="A model of it; repeatable.")
@click.option("--models-only/--any-model", default=None, help="Refuse other models.")
@click.option("--no-token", is_flag=True, help="It needs none.")
@shared
@click.pass_obj
def set_provider(
    session: Session,
    name: str,
    base_url: str,
    organisation: str,
    api: str | None,
    models: tuple[str, ...],
    models_only: bool | None,
    no_token: bool,
) -> None:
    """Give an organisation a provider, or change it: what is not said then stays.

    Its token is piped in, or typed and not shown.

    \b
    dragoman org-providers set acme https://llm.acme.example --organisation web
    pass show acme | dragoman org-providers set acme https://llm.acme.example
    """
    from msgspec import UNSET

    from dragoman.cli.terminal.secret_input import ask_key, read_key
    from dragoman.organisations.provider_rows import find_stored
    from dragoman.organisations.providers import ProviderDraft, put_provider

    given = {
        "base_url": base_url,
        "api": api,
        "models": list(models) or None,
        "models_only": models_only,
    }
    token: Any = None
    if not no_token:
        piped = sys.stdin is not None and not sys.stdin.isatty()
        label = f"Token for {name}"
        pipe = f"pipe its token in: … | dragoman org-providers set {name} …; or --no-token"
        read = read_key(label, pipe) if piped else ask_key(f"{label} (hidden)", optional=True)
        token = read.reveal() if read else UNSET
    with open_office(session, create=True) as office:
        organisation_id = office.organisation(organisation).id
        with office.desk.read() as connection:
            old = find_stored(connection, organisation_id, name)
        said = {**(old.said if old else {}), **{k: v for k, v in given.items() if v is not None}}
        draft = ProviderDraft(said=said, token=token, version=old.version if old else 0)
        written = put_provider(
            *(office.desk, office.safe, office.actor, organisation_id, name, draft),
            session.config(),
        )
    for warning in written.warnings:
        session.terminal.warn(warning)
    word = "Added" if written.created else "Changed"
    session.terminal.note(f"{word}: ask it as {name}/MODEL with a key of '{organisation}'")


@org_providers.command("enable")
@click.argument("name")
@of_organisation
@shared
@click.pass_obj
def enable(session: Session, name: str, organisation: str) -> None:
    """Use a provider again."""
    _switch(session, name, organisation, on=True)


@org_providers.command("disable")
@click.argument("name")
@of_organisation
@shared
@click.pass_obj
def disable(session: Session, name: str, organisation: str) -> None:
    """Keep a provider, and do not use it."""
    _switch(session, name, organisation, on=False)


@org_providers.command("delete")
@click.argument("name")
@of_organisation
@shared
@click.pass_obj
def delete(session: Session, name: str, organisation: str) -> None:
    """Delete a provider with its token."""
    from dragoman.organisations.providers import delete_provider

    with open_office(session) as office:
        delete_provider(office.desk, office.actor, office.organisation(organisation).id, name)
    session.terminal.note(f"Deleted '{name}'")


def _switch(session: Session, name: str, organisation: str, *, on: bool) -> None:
    from dragoman.organisations.providers import change_provider

    with open_office(session) as office:
        organisation_id = office.organisation(organisation).id
        change_provider(
            *(office.desk, office.safe, office.actor, organisation_id, name), enabled=on
        )
    session.terminal.note(f"'{name}' is {'used' if on else 'not used'} from now on")
