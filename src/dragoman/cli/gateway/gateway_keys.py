"""`dragoman gateway-keys`: the keys that open the gateway: list, create, rotate, revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.gateway.office import Office, of_organisation, open_office
from dragoman.cli.list_group import ListGroup
from dragoman.cli.session import Session
from dragoman.types.exchange import DEFAULT_ORGANISATION

if TYPE_CHECKING:
    from dragoman.organisations.keys import NewKey
    from dragoman.types.gateway_key import IssuedKey


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def gateway_keys() -> None:
    """List the keys, unless a command says otherwise."""


@gateway_keys.command("list")
@of_organisation
@as_json
@shared
@click.pass_obj
def list_keys(session: Session, organisation: str, json: bool) -> None:
    """List an organisation's keys, without their texts."""
    with open_office(session) as office:
        found = _all(office, office.organisation(organisation).id)
        now = office.desk.clock()
    console = session.terminal.out
    if json:
        from msgspec import to_builtins

        from dragoman.cli.terminal.json_output import print_json

        print_json(console, [to_builtins(key) for key in found])
        return
    configured = session.config().gateway_keys if organisation == DEFAULT_ORGANISATION else ()
    if not found and not configured:
        session.terminal.note(f"No keys of '{organisation}' yet: dragoman gateway-keys create NAME")
    for one in configured:
        console.line(f"{one.name:20} in the configuration, and changed there")
    for key in found:
        console.line(f"{key.name:20} {key.prefix}  {_state(key, now)}")


@gateway_keys.command("create")
@click.argument("name")
@of_organisation
@click.option("--project", metavar="NAME", help="The project that it belongs to.")
@click.option("--model", "models", multiple=True, metavar="PATTERN", help="Only these models.")
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="Only these.")
@click.option("--endpoint", "endpoints", multiple=True, metavar="PATH", help="Only these paths.")
@click.option("--from", "addresses", multiple=True, metavar="CIDR", help="Only from there.")
@click.option("--privacy", metavar="CLASS", help="Only providers of this class.")
@click.option("--expires", metavar="TIME", help="How long it opens: 12h, 90d.")
@as_json
@shared
@click.pass_obj
def create(
    session: Session,
    /,
    name: str,
    organisation: str,
    project: str | None,
    expires: str | None,
    json: bool,
    **rules: Any,
) -> None:
    """Make a key, and print it: this once.

    \b
    dragoman gateway-keys create ci --model 'groq/*' --expires 90d
    """
    from dragoman.organisations.keys import KeyDraft, create_key
    from dragoman.types.gateway_key import KeyRules

    life_s = None if expires is None else _seconds(expires, "--expires")
    if life_s == 0:
        raise WrongUsage("with --expires 0 it would open nothing", "write 30m, 12h or 90d")
    with open_office(session, create=True) as office:
        organisation_id = office.organisation(organisation).id
        draft = KeyDraft(
            name=name,
            rules=KeyRules(**rules),
            project_id=_project(office, organisation_id, project),
            expires_at=None if life_s is None else office.desk.clock() + life_s,
        )
        made = create_key(office.desk, office.safe, office.actor, organisation_id, draft)
    _print_new(session, made, json=json)


@gateway_keys.command("rotate")
@click.argument("name")
@of_organisation
@click.option(
    "--overlap",
    metavar="TIME",
    default="0s",
    show_default=True,
    help="How long the old text opens as well: 24h.",
)
@as_json
@shared
@click.pass_obj
def rotate(session: Session, name: str, organisation: str, overlap: str, json: bool) -> None:
    """Give a key a new text, and print it. Its rules, limits and records go on.

    NAME is its name, its id, or how it begins.
    """
    from dragoman.organisations.keys import rotate_key

    overlap_s = _seconds(overlap, "--overlap")
    with open_office(session) as office:
        organisation_id = office.organisation(organisation).id
        key = _named(office, organisation_id, name)
        made = rotate_key(
            office.desk, office.safe, office.actor, organisation_id, key.id, overlap_s=overlap_s
        )
    _print_new(session, made, json=json)


@gateway_keys.command("revoke")
@click.argument("name")
@of_organisation
@shared
@click.pass_obj
def revoke(session: Session, name: str, organisation: str) -> None:
    """Revoke a key: within a second it opens nothing any more, for good.

    NAME is its name, its id, or how it begins.
    """
    from dragoman.organisations.keys import revoke_key

    with open_office(session) as office:
        organisation_id = office.organisation(organisation).id
        key = _named(office, organisation_id, name)
        revoke_key(office.desk, office.actor, organisation_id, key.id)
    session.terminal.note(f"Revoked '{key.name}' ({key.prefix})")


def _all(office: Office, organisation_id: str) -> list[IssuedKey]:
    from dragoman.organisations.key_rows import list_keys
    from dragoman.types.paging import every

    with office.desk.read() as connection:
        return list(every(lambda page: list_keys(connection, organisation_id, page)))


def _named(office: Office, organisation_id: str, name: str) -> IssuedKey:
    """Find the key that is meant: a name is that of one in force. Raises: NotFound."""
    from dragoman.organisations.failures import NotFound

    for key in _all(office, organisation_id):
        begins = key.prefix.partition("…")[0]
        if name == key.id or (key.revoked_at is None and name in (key.name, begins, key.prefix)):
            return key
    raise NotFound(f"there is no key '{name[:60]}'", hint="dragoman gateway-keys lists them")


def _project(office: Office, organisation_id: str, name: str | None) -> str | None:
    if name is None:
        return None
    from dragoman.organisations.failures import NotFound
    from dragoman.organisations.projects import resolve_project

    with office.desk.read() as connection:
        try:
            return resolve_project(connection, organisation_id, name).id
        except NotFound:
            raise NotFound(
                f"the organisation has no project {name[:60]!r}",
                hint="make it in the console, or with PUT /api/v1/organisations/NAME/projects/…",
            ) from None


def _print_new(session: Session, made: NewKey, *, json: bool) -> None:
    """Print a key: its text alone, so that it can be piped, and what to know of it beside."""
    console = session.terminal.out
    if json:
        from msgspec import to_builtins

        from dragoman.cli.terminal.json_output import print_json

        print_json(console, {**to_builtins(made.key), "key": made.text.reveal()})
        return
    console.line(made.text.reveal())
    session.terminal.note(f"This is '{made.key.name}'. Keep it: it is not shown again.")


def _state(key: IssuedKey, now: float) -> str:
    import datetime

    def day(at: float) -> str:
        return f"{datetime.datetime.fromtimestamp(at).astimezone():%Y-%m-%d}"

    if key.revoked_at is not None:
        return f"revoked {day(key.revoked_at)}"
    if key.problem is not None:
        return key.problem
    if not key.opens(now):
        return f"expired {day(key.expires_at or now)}"
    used = "never used" if key.used_at is None else f"used {day(key.used_at)}"
    ends = "" if key.expires_at is None else f", until {day(key.expires_at)}"
    return used + ends


def _seconds(text: str, option: str) -> float:
    """Read `90d`. Raises: WrongUsage."""
    from dragoman.types.calendar import read_length

    if (length := read_length(text)) is None:
        raise WrongUsage(f"{option} is no time: {text[:40]}", "write 30m, 12h or 90d")
    return length
