"""An organisation's own guardrails; they work behind the operator's, in the order of `position`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from dragoman.config.tenant import build_tenant_guardrail
from dragoman.errors import InvalidRequest
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Change, Desk
from dragoman.organisations.failures import Conflict, NotFound, read_only
from dragoman.organisations.texts import check_name
from dragoman.organisations.versions import check_version
from dragoman.store.database import Connection
from dragoman.store.json_column import read_json
from dragoman.types.guardrail import Guardrail, GuardrailMode
from dragoman.types.paging import Page, Slice, cut

LIMIT = 50
"""Of one organisation: each looks at every text."""
DEFINITION_LIMIT = 64 * 1024
_COLUMNS = "name, position, definition, mode, enabled, created_at, updated_at, version"


class OwnGuardrail(Struct, frozen=True, kw_only=True):
    """A guardrail. `definition` is its table, without name and mode; times are Unix seconds.

    One with a `problem` lets nothing pass, if it is on and enforced: what it is to keep back is not
    known. Where its table cannot be read, that is empty here.
    """

    name: str
    position: int
    definition: Mapping[str, Any]
    mode: GuardrailMode
    enabled: bool
    created_at: float
    updated_at: float
    version: int
    problem: str | None = None


class GuardrailDraft(Struct, frozen=True, kw_only=True):
    """What a guardrail is to be."""

    definition: Mapping[str, Any]
    position: int = 0
    mode: GuardrailMode = "enforce"
    enabled: bool = True


class Loaded(NamedTuple):
    """What a row of `guardrail` means, what it says, and what is wrong with it."""

    guardrail: Guardrail
    said: Mapping[str, Any]
    problem: str | None


def list_guardrails(
    connection: Connection, organisation_id: str, page: Page
) -> Slice[OwnGuardrail]:
    """List an organisation's guardrails, by name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM guardrail WHERE organisation_id = :organisation"  # noqa: S608
        " AND name > :after ORDER BY name LIMIT :limit",
        {"organisation": organisation_id, "after": page.after or "", "limit": page.limit + 1},
    )
    return cut([_read(row) for row in rows], page, lambda one: one.name)


def find_guardrail(connection: Connection, organisation_id: str, name: str) -> OwnGuardrail | None:
    """Find a guardrail by its name."""
    rows = connection.rows(
        f"SELECT {_COLUMNS} FROM guardrail"  # noqa: S608
        " WHERE organisation_id = :organisation AND name = :name",
        {"organisation": organisation_id, "name": name},
    )
    return _read(rows[0]) if rows else None


def resolve_guardrail(connection: Connection, organisation_id: str, name: str) -> OwnGuardrail:
    """Find a guardrail by its name. Raises: NotFound."""
    found = find_guardrail(connection, organisation_id, name)
    if found is None:
        raise NotFound("there is no such guardrail")
    return found


def put_guardrail(
    desk: Desk,
    actor: Actor,
    organisation_id: str,
    name: str,
    draft: GuardrailDraft,
    *,
    operators: Iterable[Guardrail],
    version: int | None = None,
) -> OwnGuardrail:
    """Make a guardrail, or change it. `operators` are those of the configuration.

    Raises: InvalidRequest, ReadOnly, Conflict, ChangedMeanwhile.
    """
    check_name(name)
    check_free(name, operators)
    check_definition(name, draft)
    with desk.change(actor, "put", "guardrail", name, organisation_id=organisation_id) as change:
        old = find_guardrail(change.connection, organisation_id, name)
        check_version(version, old.version if old else 0, f"the guardrail '{name}'")
        _write(change, organisation_id, name, old, draft)
        change.note(None if old is None else _noted(old), _said(draft))
        return resolve_guardrail(change.connection, organisation_id, name)


def delete_guardrail(
    desk: Desk, actor: Actor, organisation_id: str, name: str, *, operators: Iterable[Guardrail]
) -> None:
    """Delete a guardrail. Raises: NotFound, ReadOnly."""
    with desk.change(actor, "delete", "guardrail", name, organisation_id=organisation_id) as change:
        old = find_guardrail(change.connection, organisation_id, name)
        if old is None:
            check_free(name, operators)
            raise NotFound("there is no such guardrail")
        change.connection.write(
            "DELETE FROM guardrail WHERE organisation_id = :organisation AND name = :name",
            {"organisation": organisation_id, "name": name},
        )
        change.note(_noted(old), None)


def check_definition(name: str, draft: GuardrailDraft) -> None:
    """See that a guardrail could work. Raises: InvalidRequest."""
    if len(msgspec.json.encode(draft.definition)) > DEFINITION_LIMIT:
        raise InvalidRequest(f"a guardrail has at most {DEFINITION_LIMIT} bytes")
    _, problems = build_tenant_guardrail(name, draft.definition, draft.mode)
    if problems:
        raise InvalidRequest(problems[0].message, param="definition", hint=problems[0].hint)


def build_guardrail(name: str, draft: GuardrailDraft) -> Guardrail:
    """Build a guardrail that has been checked."""
    return build_tenant_guardrail(name, draft.definition, draft.mode)[0]


def load_guardrail(name: str, written: str, mode: GuardrailMode) -> Loaded:
    """Build the guardrail that a row means."""
    said, unread = read_json(written, dict[str, Any], {})
    guardrail, problems = build_tenant_guardrail(name, said, mode)
    if unread is not None:
        return Loaded(guardrail, said, f"its table cannot be read: {unread}")
    return Loaded(guardrail, said, problems[0].message if problems else None)


def check_free(name: str, operators: Iterable[Guardrail]) -> None:
    """See that a name is not one of the configuration's. Raises: ReadOnly."""
    if any(rule.name == name for rule in operators):
        raise read_only(f"the guardrail '{name}'")


def _write(
    change: Change,
    organisation_id: str,
    name: str,
    old: OwnGuardrail | None,
    draft: GuardrailDraft,
) -> None:
    values: dict[str, Any] = {
        "organisation_id": organisation_id,
        "name": name,
        "position": draft.position,
        "definition": msgspec.json.encode(draft.definition).decode(),
        "mode": draft.mode,
        "enabled": int(draft.enabled),
        "updated_at": change.now,
    }
    if old is None:
        (row,) = change.connection.rows(
            "SELECT count(*) AS count FROM guardrail WHERE organisation_id = :organisation",
            {"organisation": organisation_id},
        )
        if row["count"] >= LIMIT:
            raise Conflict(f"an organisation has at most {LIMIT} guardrails")
        values["created_at"] = change.now
        change.connection.insert("guardrail", tuple(values), [tuple(values.values())])
    elif _noted(old) != _said(draft):
        change.connection.write(
            "UPDATE guardrail SET position = :position, definition = :definition, mode = :mode,"
            " enabled = :enabled, updated_at = :updated_at, version = version + 1"
            " WHERE organisation_id = :organisation_id AND name = :name",
            values,
        )


def _said(one: OwnGuardrail | GuardrailDraft) -> dict[str, Any]:
    return {
        "position": one.position,
        "definition": dict(one.definition),
        "mode": one.mode,
        "enabled": one.enabled,
    }


def _noted(one: OwnGuardrail) -> dict[str, Any]:
    return _said(one) if one.problem is None else {**_said(one), "problem": one.problem}


def _read(row: Any) -> OwnGuardrail:
    loaded = load_guardrail(row["name"], row["definition"], row["mode"])
    return OwnGuardrail(
        name=row["name"],
        position=row["position"],
        definition=loaded.said,
        problem=loaded.problem,
        mode=row["mode"],
        enabled=bool(row["enabled"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
