"""`dragoman limits`: what may be used of the gateway, and what was.

The gateway sees a change within a second.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import WrongUsage, as_json, check_apart, shared
from dragoman.cli.gateway.office import Office, of_organisation, open_office
from dragoman.cli.list_group import ListGroup
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.registry import Registry
    from dragoman.store.database import Connection
    from dragoman.types.allowance import Allowance, Unknown

_MEASURES = ("requests", "tokens", "spend", "concurrency")
_PERIODS = ("now", "minute", "hour", "day", "week", "month", "total")
_UNKNOWN = ("allow", "block", "assume")
_KINDS = ("project", "member", "key", "provider", "model")


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def limits() -> None:
    """List the limits, unless a command says otherwise."""


@limits.command("list")
@of_organisation
@as_json
@shared
@click.pass_obj
def list_limits(session: Session, organisation: str, json: bool) -> None:
    """List limits and budgets, with what is used of each."""
    from dragoman.ledger.ceilings import ceilings_of
    from dragoman.organisations.allowances import list_allowances
    from dragoman.types.exchange import DEFAULT_ORGANISATION
    from dragoman.types.paging import every

    configured = ceilings_of(session.config()) if organisation == DEFAULT_ORGANISATION else ()
    with open_office(session) as office:
        of, now = office.organisation(organisation).id, office.desk.clock()
        with office.desk.read() as connection:
            registry = _registry_of(session, connection, of)
            found = chain(configured, every(lambda page: list_allowances(connection, of, page)))
            shown = [_shown(connection, one, registry, now) for one in found]
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, shown)
        return
    if not shown:
        session.terminal.note("no limits: set one with `dragoman limits set NAME …`")
    for one in shown:
        where = ", in the configuration" if one["read_only"] else ""
        console.line(f"{one['name']}  {one['limit']}, {one['whose']}{where}")
        for used in one["used"]:
            console.line(f"  {used['subject'] or one['whose']}: {used['used']} used")
        if one["problem"] is not None:
            console.line(f"  {one['problem']}")


@limits.command("set")
@click.argument("name")
@click.argument("amount")
@click.argument("measure", type=click.Choice(_MEASURES))
@click.argument("period", type=click.Choice(_PERIODS), required=False)
@click.option("--of", "of", metavar="KIND:NAME", help="key:NAME, project:NAME, key:* …")
@click.option("--soft/--strict", default=None, help="Count and tell, and let everybody pass.")
@click.option(
    "--unknown",
    type=click.Choice(_UNKNOWN),
    help="Of `spend`: what becomes of requests whose price is not known.",
)
@click.option("--assume", metavar="USD", help="Of `spend`: such a request counts as so much.")
@click.option("--operator/--no-operator", default=None, help="The organisation cannot change it.")
@of_organisation
@shared
@click.pass_obj
def set_limit(
    session: Session,
    name: str,
    amount: str,
    measure: str,
    period: str | None,
    of: str | None,
    soft: bool | None,
    unknown: Unknown | None,
    assume: str | None,
    operator: bool | None,
    organisation: str,
) -> None:
    """Make a limit called NAME, or change it: what is not said then stays.

    The amount is USD for `spend`. Without a period a new limit is of a
    month; `concurrency` needs none.

    \b
    dragoman limits set team 100 spend month
    dragoman limits set bursts 60 requests minute --of "key:*"
    dragoman limits set at-once 8 concurrency
    """
    from msgspec.structs import asdict

    from dragoman.ledger.describing import describe
    from dragoman.organisations.allowances import Draft, draft_of, find_allowance, put_allowance

    check_apart(f"--unknown {unknown}", unknown not in (None, "assume"), "--assume", assume)
    kind, subject = (None, None) if of is None else _subject(of)
    said: dict[str, Any] = {
        "kind": kind,
        "subject": subject,
        "measure": measure,
        "period": period,
        "amount": _number(amount),
        "mode": None if soft is None else "soft" if soft else "strict",
        "unknown": unknown if assume is None else "assume",
        "assumed_usd": None if assume is None else _number(assume),
        "operator": operator,
    }
    with open_office(session, create=True) as office:
        organisation_id = office.organisation(organisation).id
        with office.desk.read() as connection:
            old = find_allowance(connection, organisation_id, name)
        known: dict[str, Any] = {"period": "now" if measure == "concurrency" else "month"}
        if old is not None:
            kept = asdict(draft_of(old))
            known = kept if measure == old.measure else {**kept, **known}
        made = put_allowance(
            *(office.desk, office.actor, organisation_id, name),
            Draft(
                **{**known, **{name: value for name, value in said.items() if value is not None}}
            ),
            version=0 if old is None else old.version,
        )
        problem = _find_problem(session, office, made)
    session.terminal.note(f"{made.name}: {describe(made)}")
    if problem is not None:
        session.terminal.warn(problem)
    _warn_of_workers(session)


@limits.command("remove")
@click.argument("name")
@of_organisation
@shared
@click.pass_obj
def remove(session: Session, name: str, organisation: str) -> None:
    """Remove a limit, by its name or id."""
    from dragoman.organisations.allowances import delete_allowance

    with open_office(session) as office:
        of = office.organisation(organisation).id
        delete_allowance(office.desk, office.actor, of, name)
    session.terminal.note(f"{name} is removed")


def _find_problem(session: Session, office: Office, allowance: Allowance) -> str | None:
    """Say what a limit is of that is not there, and what may have been meant."""
    from dragoman.organisations.subjects import find_problem, meant_subjects
    from dragoman.suggest import meant

    with office.desk.read() as connection:
        registry = _registry_of(session, connection, allowance.organisation_id)
        problem = find_problem(connection, allowance, registry)
    return problem and f"{problem}{meant(meant_subjects(allowance, registry))}"


def _registry_of(session: Session, connection: Connection, organisation_id: str) -> Registry:
    """Find what an organisation may ask: of this configuration, and of its own."""
    from msgspec.structs import replace

    from dragoman.organisations.definition import build_custom
    from dragoman.organisations.opened import Layered, read_opened
    from dragoman.organisations.provider_rows import list_stored
    from dragoman.registry import Registry

    opened = read_opened(connection, organisation_id)
    rows = list_stored(connection, organisation_id)
    own = {row.name: build_custom(row, None) for row in rows if row.definition is not None}
    config = session.config()
    return Registry(replace(config, providers=Layered(config.providers, own, opened)))


def _warn_of_workers(session: Session) -> None:
    """Tell what a gateway does that cannot count; what it was started with is not known here."""
    from dragoman.server.limits.allowances import NEEDED
    from dragoman.store.redis import redis_address

    workers = session.config().server.workers
    if workers > 1 and redis_address(session.env) is None:
        session.terminal.warn(
            f"a gateway with {workers} workers cannot keep it without Redis, and refuses what it"
            f" concerns: {NEEDED}"
        )


def _subject(text: str) -> tuple[str, str]:
    kind, colon, subject = text.partition(":")
    if not colon or kind not in _KINDS or not subject:
        raise WrongUsage(f"'{text}' names nobody", f"write one of {', '.join(_KINDS)}, as key:NAME")
    return kind, subject


def _number(text: str) -> Decimal:
    try:
        return Decimal(text.removeprefix("$"))
    except InvalidOperation:
        raise WrongUsage(f"'{text}' is no amount", "write a number: 100, 2.50") from None


def _shown(
    connection: Connection, allowance: Allowance, registry: Registry, now: float
) -> dict[str, Any]:
    from dragoman.ledger.burndown import burn_down
    from dragoman.ledger.describing import amount_of, describe
    from dragoman.organisations.allowances import name_subject
    from dragoman.organisations.subjects import find_problem

    def named(subject: str) -> str:
        return name_subject(connection, allowance.organisation_id, allowance.kind, subject)

    is_whole = allowance.kind == "organisation"
    whole = "everybody together" if allowance.is_configured else "the organisation"
    return {
        "name": allowance.name,
        "limit": describe(allowance),
        "whose": whole if is_whole else f"{allowance.kind} {named(allowance.subject)}",
        "mode": allowance.mode,
        "unknown": allowance.unknown,
        "operator": allowance.operator,
        "read_only": allowance.is_configured,
        "problem": find_problem(connection, allowance, registry),
        "used": [
            {
                "subject": "" if is_whole else named(one.subject),
                "used": amount_of(allowance, one.used),
                "left": amount_of(allowance, one.left),
            }
            for one in burn_down(connection, allowance, now)
        ],
    }
