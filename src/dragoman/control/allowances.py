"""`/organisations/{org}/limits`: limits and budgets, and how much of each is used by now.

Those of the configuration file hold for its keys, and for everybody together. Administrators of the
organisation `default` see them there; they are changed in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from litestar import delete, get, put
from msgspec import Struct

from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.ledger.burndown import burn_down
from dragoman.ledger.ceilings import ceilings_of
from dragoman.organisations import allowances
from dragoman.organisations.actor import Actor
from dragoman.organisations.allowances import Draft
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import Conflict, read_only
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.subjects import find_problem
from dragoman.registry import Registry
from dragoman.store.database import Connection
from dragoman.store.redis import VARIABLE, redis_address
from dragoman.types.allowance import (
    Allowance,
    Measure,
    Mode,
    Period,
    SubjectKind,
    Unknown,
    is_quota,
)
from dragoman.types.exchange import NANO
from dragoman.types.paging import Page, Slice


class UsedShown(Struct, frozen=True, kw_only=True):
    """What a subject has used in the present period, and has left; USD for `spend`.

    `forecast` is what it will have used at the end, if it goes on like this.
    """

    subject: str
    used: Decimal
    left: Decimal
    forecast: Decimal | None
    since: int
    until: int | None


class LimitShown(Struct, frozen=True, kw_only=True):
    """A limit. `amount` is USD for `spend`; `used` lists who has used most of it.

    `operator`: the organisation cannot change it. One that is `read_only` comes from the gateway's
    configuration, and has no version; without a `subject` it is for everybody together. `problem`
    says that what it limits is not there, as things are. It holds as soon as it is; a project or a
    key that is gone does not come back.
    """

    id: str
    name: str
    kind: SubjectKind
    subject: str | None
    measure: Measure
    period: Period
    amount: Decimal
    mode: Mode
    unknown: Unknown
    assumed_usd: Decimal | None
    operator: bool
    version: int | None
    used: list[UsedShown]
    read_only: bool = False
    problem: str | None = None


class LimitBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit as it is to be.

    `subject` is a name (a member's e-mail address, a model ref), or `*`: each for itself. `amount`
    is USD for `spend`. `strict` reserves before it lets through, `soft` counts and tells.
    `unknown`: what becomes of requests whose price is not known.
    """

    kind: SubjectKind = "organisation"
    subject: str | None = None
    measure: Measure
    period: Period
    amount: Decimal
    mode: Mode = "strict"
    unknown: Unknown = "allow"
    assumed_usd: Decimal | None = None
    operator: bool = False
    version: int | None = None


@get("/organisations/{org:str}/limits", opt={"least": "viewer"}, sync_to_thread=True)
def list_limits(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, page: Page
) -> Listed[LimitShown]:
    """List limits and budgets, with what is used and left.

    Those of the configuration are on the first page.
    """
    with desk.read() as connection:
        found = allowances.list_allowances(connection, organisation.id, page)
        if page.after is None:
            configured = _configured(context, actor, organisation).values()
            found = Slice([*configured, *found.items], found.after)
        registry = context.registry(organisation.id)
        return listed(found, lambda one: show(connection, one, registry, desk.clock()))


@get("/organisations/{org:str}/limits/{name:str}", opt={"least": "viewer"}, sync_to_thread=True)
def show_limit(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, name: str
) -> LimitShown:
    """Show a limit, by its name or id."""
    configured = _configured(context, actor, organisation).get(name)
    with desk.read() as connection:
        found = configured or allowances.resolve_allowance(connection, organisation.id, name)
        return show(connection, found, context.registry(organisation.id), desk.clock())


@put("/organisations/{org:str}/limits/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def put_limit(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    data: LimitBody,
) -> LimitShown:
    """Make a limit, or change it as a whole. What it limits may come later; `problem` says so."""
    _check_ours(context, actor, organisation, name)
    check_countable(context, data)
    given = {field: getattr(data, field) for field in Draft.__struct_fields__}
    made = allowances.put_allowance(
        desk, actor, organisation.id, name, Draft(**given), version=data.version
    )
    with desk.read() as connection:
        return show(connection, made, context.registry(organisation.id), desk.clock())


@delete("/organisations/{org:str}/limits/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def delete_limit(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, name: str
) -> None:
    """Delete a limit. What was used of it is forgotten."""
    _check_ours(context, actor, organisation, name)
    allowances.delete_allowance(desk, actor, organisation.id, name)


def check_countable(context: Context, data: LimitBody) -> None:
    """See that a limit can be counted: several workers need Redis, a quota needs the ledger.

    Raises: Conflict.
    """
    if is_quota(data.measure, data.period) and not context.config().server.log:
        raise Conflict(
            "no ledger is kept to know what was used",
            hint="set `log = true` under [server], or limit what is asked in a minute",
        )
    workers = context.config().server.workers
    if workers > 1 and redis_address(context.env) is None:
        raise Conflict(
            f"{workers} workers cannot keep limits without Redis: each would count for itself",
            hint=f"set {VARIABLE}=redis://host:6379/0 (Redis or Valkey), or start with one worker",
        )


def _configured(
    context: Context, actor: Actor, organisation: Organisation
) -> Mapping[str, Allowance]:
    """Find the limits of the configuration file, by name, for who may see them."""
    if not actor.sees_configuration(organisation.id):
        return {}
    return {one.name: one for one in ceilings_of(context.config())}


def _check_ours(context: Context, actor: Actor, organisation: Organisation, name: str) -> None:
    """See that a limit is not one of the configuration's. Raises: ReadOnly."""
    if name in _configured(context, actor, organisation):
        raise read_only(f"the limit '{name}'")


def show(
    connection: Connection, allowance: Allowance, registry: Registry, now: float
) -> LimitShown:
    """Show a limit, with how much of it is used. `registry` has what the organisation may ask."""

    def named(subject: str) -> str:
        of = allowance.organisation_id
        return allowances.name_subject(connection, of, allowance.kind, subject)

    def written(amount: int) -> Decimal:
        return Decimal(amount) / NANO if allowance.measure == "spend" else Decimal(amount)

    used = [
        UsedShown(
            subject=named(one.subject),
            used=written(one.used),
            left=written(one.left),
            forecast=None if one.forecast is None else written(one.forecast),
            since=one.since,
            until=one.until,
        )
        for one in burn_down(connection, allowance, now)
    ]
    assumed = allowance.assumed_nanousd
    return LimitShown(
        id=allowance.id,
        name=allowance.name,
        kind=allowance.kind,
        subject=None if allowance.kind == "organisation" else named(allowance.subject),
        measure=allowance.measure,
        period=allowance.period,
        amount=written(allowance.amount),
        mode=allowance.mode,
        unknown=allowance.unknown,
        assumed_usd=None if assumed is None else Decimal(assumed) / NANO,
        operator=allowance.operator,
        version=None if allowance.is_configured else allowance.version,
        used=used,
        read_only=allowance.is_configured,
        problem=find_problem(connection, allowance, registry),
    )


HANDLERS = (list_limits, show_limit, put_limit, delete_limit)
