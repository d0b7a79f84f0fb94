"""Limits and budgets: set by those who run an organisation, or by operators over it.

Law: what an operator has set, nobody else changes or takes away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from dragoman.config.kinds import NAME
from dragoman.errors import Forbidden, InvalidRequest
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Change, Desk
from dragoman.organisations.failures import Conflict, NotFound
from dragoman.organisations.texts import check_name, shown
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.store.spent import begin
from dragoman.types.allowance import (
    EVERYBODY,
    Allowance,
    Measure,
    Mode,
    Period,
    SubjectKind,
    Unknown,
)
from dragoman.types.exchange import MOST_NANOUSD, NANO
from dragoman.types.gateway_key import FILE
from dragoman.types.identifier import new_id
from dragoman.types.paging import Page, Slice, cut

_COLUMNS = (
    "id, name, organisation_id, subject_kind, subject, measure, period, amount, mode, unknown,"
    " assumed_nanousd, operator, version"
)
_NAMES: Mapping[SubjectKind, str] = {
    "organisation": "SELECT id, name FROM organisation WHERE id = :of AND :name IN (id, name)",
    "project": "SELECT id, name FROM project WHERE organisation_id = :of AND :name IN (id, name)",
    "member": "SELECT a.id AS id, a.email AS name FROM member m JOIN account a"
    " ON a.id = m.account_id WHERE m.organisation_id = :of AND :name IN (a.id, a.email)",
    "key": "SELECT id, name FROM gateway_key WHERE organisation_id = :of"
    " AND revoked_at IS NULL AND :name IN (id, name)",
}
"""How those are found who have an id and a name."""
_SPELT: Mapping[SubjectKind, tuple[re.Pattern[str], str]] = {
    "provider": (NAME, "write its name as in provider/model"),
    "model": (re.compile(f"{NAME.pattern}/.+"), "write provider/model"),
}
"""How the others are spelt, who may come later: what is spelt in another way holds for nobody."""


class Draft(Struct, frozen=True, kw_only=True):
    """A limit as somebody wants it.

    `subject` is a project's, key's or provider's name, a member's e-mail address, a model ref, or
    '*': each for itself; None for the organisation. `amount` is USD for `spend`.
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


def list_allowances(connection: Connection, organisation_id: str, page: Page) -> Slice[Allowance]:
    """List the limits of an organisation by name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM allowance WHERE organisation_id = :organisation"  # noqa: S608
        " AND name > :after ORDER BY name LIMIT :limit",
        {"organisation": organisation_id, "after": page.after or "", "limit": page.limit + 1},
    )
    return cut([read_allowance(row) for row in rows], page, lambda one: one.name)


def all_allowances(connection: Connection) -> list[Allowance]:
    """List the limits of all organisations."""
    rows = connection.rows(f"SELECT {_COLUMNS} FROM allowance")  # noqa: S608
    return [read_allowance(row) for row in rows]


def find_allowance(connection: Connection, organisation_id: str, name: str) -> Allowance | None:
    """Find a limit by its name or id."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM allowance"  # noqa: S608
        " WHERE organisation_id = :organisation AND :name IN (name, id)",
        {"organisation": organisation_id, "name": name},
    )
    return read_allowance(rows[0]) if rows else None


def resolve_allowance(connection: Connection, organisation_id: str, name: str) -> Allowance:
    """Find a limit by its name or id. Raises: NotFound."""
    found = find_allowance(connection, organisation_id, name)
    if found is None:
        raise NotFound("there is no such limit", hint="list the limits to see which there are")
    return found


def draft_of(allowance: Allowance) -> Draft:
    """Say what somebody wants who wants a limit as it is."""
    money, assumed = allowance.measure == "spend", allowance.assumed_nanousd
    return Draft(
        kind=allowance.kind,
        subject=None if allowance.kind == "organisation" else allowance.subject,
        measure=allowance.measure,
        period=allowance.period,
        amount=Decimal(allowance.amount) / NANO if money else Decimal(allowance.amount),
        mode=allowance.mode,
        unknown=allowance.unknown,
        assumed_usd=None if assumed is None else Decimal(assumed) / NANO,
        operator=allowance.operator,
    )


def put_allowance(
    desk: Desk,
    actor: Actor,
    organisation_id: str,
    name: str,
    draft: Draft,
    *,
    version: int | None = None,
) -> Allowance:
    """Make a limit, or change it as a whole.

    What was used goes on counting as long as measure, period and subject stay as they are. Else it
    begins with what was used in the present period before, as the ledger has it.

    Raises: InvalidRequest, Forbidden, ChangedMeanwhile.
    """
    of = organisation_id
    with desk.change(actor, "put", "limit", name, organisation_id=of) as change:
        connection = change.connection
        old = find_allowance(connection, of, name)
        check_version(version, old.version if old else 0, f"the limit {shown(name)}")
        if old is None:
            check_name(name)
        else:
            change.name(old.name)
        if (draft.operator or (old is not None and old.operator)) and not actor.operator:
            raise Forbidden("this limit is the operator's: the organisation cannot change it")
        wanted = _read_draft(connection, of, name if old is None else old.name, draft)
        same = old is not None and _counted(old) == _counted(wanted)
        id_ = old.id if old is not None and same else new_id("lim")
        values = {**_values(wanted), "id": id_, "now": change.now}
        if old is None:
            columns = [*values, "created_at", "updated_at"]
            columns.remove("now")
            row = [*(values[name] for name in columns[:-2]), change.now, change.now]
            connection.insert("allowance", columns, [row])
        elif _values(old) != _values(wanted):
            sets = ", ".join(f"{name} = :{name}" for name in values if name != "now")
            connection.write(
                f"UPDATE allowance SET {sets}, updated_at = :now, version = version + 1"  # noqa: S608
                " WHERE id = :old",
                {**values, "old": old.id},
            )
        _note(change, old, wanted)
        made = resolve_allowance(connection, of, id_)
        if not same:
            if old is not None:
                _forget(connection, old)
            begin(connection, made, change.now)
        return made


def delete_allowance(desk: Desk, actor: Actor, organisation_id: str, name: str) -> None:
    """Delete a limit. Raises: NotFound, Forbidden."""
    with desk.change(actor, "delete", "limit", name, organisation_id=organisation_id) as change:
        old = resolve_allowance(change.connection, organisation_id, name)
        change.name(old.name)
        if old.operator and not actor.operator:
            raise Forbidden("this limit is the operator's: the organisation cannot remove it")
        change.connection.write("DELETE FROM allowance WHERE id = :id", {"id": old.id})
        _forget(change.connection, old)
        _note(change, old, None)


def name_subject(connection: Connection, organisation_id: str, kind: str, subject: str) -> str:
    """Say what people call a subject."""
    statement = _NAMES.get(kind)  # type: ignore[call-overload]
    if statement is None or subject == EVERYBODY:
        return subject
    rows = connection.rows(
        statement.replace(" AND revoked_at IS NULL", ""), {"of": organisation_id, "name": subject}
    )
    return str(rows[0]["name"]) if rows else subject.removeprefix(FILE)


def is_gone(connection: Connection, allowance: Allowance) -> bool:
    """Whether a limit is of a project, a key or a member who is there no more."""
    statement, subject = _NAMES.get(allowance.kind), allowance.subject
    if statement is None or allowance.is_configured or subject == EVERYBODY:
        return False
    of = allowance.organisation_id
    return not connection.rows(statement, {"of": of, "name": subject})


def read_allowance(row: Mapping[str, Any]) -> Allowance:
    """Read a row of `allowance`."""
    return Allowance(
        id=row["id"],
        name=row["name"],
        organisation_id=row["organisation_id"],
        kind=row["subject_kind"],
        subject=row["subject"],
        measure=row["measure"],
        period=row["period"],
        amount=row["amount"],
        mode=row["mode"],
        unknown=row["unknown"],
        assumed_nanousd=row["assumed_nanousd"],
        operator=bool(row["operator"]),
        version=row["version"],
    )


def _forget(connection: Connection, allowance: Allowance) -> None:
    """Forget what was used of a limit, and what was told of it."""
    for table in ("consumption", "alert"):
        connection.write(f"DELETE FROM {table} WHERE allowance_id = :id", {"id": allowance.id})  # noqa: S608


def _read_draft(connection: Connection, of: str, name: str, draft: Draft) -> Allowance:
    if (draft.measure == "concurrency") != (draft.period == "now"):
        raise InvalidRequest(
            f"{draft.measure} is not counted by '{draft.period}'",
            param="period",
            hint="concurrency has the period `now`, and nothing else has",
        )
    if draft.measure == "spend" and draft.period == "minute":
        raise InvalidRequest(
            "a budget is for an hour at least", param="period", hint="hour, day, week, month, total"
        )
    assumed = None if draft.assumed_usd is None else _nano(draft.assumed_usd, "assumed_usd")
    if draft.unknown == "assume" and not assumed:
        raise InvalidRequest(
            "what is to be assumed of an unknown price is not said",
            param="assumed_usd",
            hint="say how many USD such a request counts as",
        )
    return Allowance(
        id="",
        name=name,
        organisation_id=of,
        kind=draft.kind,
        subject=_subject(connection, of, draft),
        measure=draft.measure,
        period=draft.period,
        amount=_amount(draft),
        mode=draft.mode,
        unknown=draft.unknown,
        assumed_nanousd=assumed,
        operator=draft.operator,
    )


def _subject(connection: Connection, of: str, draft: Draft) -> str:
    given = draft.subject
    if draft.kind == "organisation":
        if given not in (None, EVERYBODY):
            raise InvalidRequest(
                "a limit of the organisation has no subject",
                param="subject",
                hint="leave `subject` out, or say its `kind`: key, project, member …",
            )
        return of
    if not given:
        raise InvalidRequest(
            f"which {draft.kind} is not said", param="subject", hint="its name, or '*' for each"
        )
    if given == EVERYBODY:
        return given
    if (spelt := _SPELT.get(draft.kind)) is not None:
        pattern, hint = spelt
        if not pattern.fullmatch(given) or not given.isprintable() or len(given) > 200:
            raise InvalidRequest(f"{shown(given)} is no {draft.kind}", param="subject", hint=hint)
        return given
    rows = connection.rows(_NAMES[draft.kind], {"of": of, "name": given})
    if not rows:
        raise InvalidRequest(
            f"the organisation has no such {draft.kind}",
            param="subject",
            hint=f"list its {draft.kind}s to see which there are; '*' is each of them",
        )
    if len(rows) > 1:
        raise Conflict(f"several of them are called {shown(given)}", hint="use the id")
    return str(rows[0]["id"])


def _amount(draft: Draft) -> int:
    if draft.measure == "spend":
        return _nano(draft.amount, "amount")
    amount = draft.amount
    whole = amount.is_finite() and 0 <= amount <= MOST_NANOUSD and amount == int(amount)
    if not whole:
        raise InvalidRequest(
            "the amount is no whole number from 0 on",
            param="amount",
            hint="write 60 or 100000; only `spend` has parts of one",
        )
    return int(amount)


def _nano(usd: Decimal, param: str) -> int:
    # Compared before it is multiplied: 1e9999999 is a number, and its product is none.
    if not usd.is_finite() or not 0 <= usd <= Decimal(MOST_NANOUSD) / NANO:
        raise InvalidRequest(
            "this is no amount of money", param=param, hint="USD, from 0 to nine million"
        )
    return int(usd * NANO)


def _values(allowance: Allowance) -> dict[str, Any]:
    found = asdict(allowance)
    found["subject_kind"] = found.pop("kind")
    found["operator"] = int(allowance.operator)
    del found["id"], found["version"]
    return found


def _counted(allowance: Allowance) -> tuple[str, ...]:
    """What makes it another count."""
    return allowance.kind, allowance.subject, allowance.measure, allowance.period


def _note(change: Change, old: Allowance | None, new: Allowance | None) -> None:
    """Tell the audit log of a change. One key after another of the same name is another subject."""
    before = {} if old is None else _asked(change.connection, old)
    after = {} if new is None else _asked(change.connection, new)
    if old and new and old.subject != new.subject and before["subject"] == after["subject"]:
        after["subject"] += " (another)"
    change.note(before, after)


def _asked(connection: Connection, allowance: Allowance) -> dict[str, Any]:
    """Say a limit as people ask for it: names for ids, amounts as they are written."""
    said, of = asdict(draft_of(allowance)), allowance.organisation_id
    if said["subject"] is not None:
        said["subject"] = name_subject(connection, of, allowance.kind, allowance.subject)
    for field in ("amount", "assumed_usd"):
        if said[field] is not None:
            said[field] = f"{said[field]:f}"
    return said
