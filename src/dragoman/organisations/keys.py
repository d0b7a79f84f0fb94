"""Gateway keys of an organisation: made, changed, rotated, revoked.

The key itself is shown once and never kept. Who administers the organisation has all of its keys in
hand, a member those that are the member's own. A revoked key stays, so that what was spent with it
keeps its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dragoman.errors import Forbidden, InvalidRequest
from dragoman.organisations.failures import Conflict
from dragoman.organisations.key_rows import get_key
from dragoman.organisations.key_rules import checked_rules
from dragoman.organisations.quotas import check_quota
from dragoman.organisations.versions import check_version
from dragoman.types.credential import Secret
from dragoman.types.gateway_key import ANYTHING, IssuedKey, KeyRules
from dragoman.types.identifier import new_id

if TYPE_CHECKING:
    from dragoman.organisations.actor import Actor
    from dragoman.organisations.desk import Change, Desk
    from dragoman.organisations.safe import Safe
    from dragoman.store.database import Connection

KIND = "dk"
"""How every key begins."""
NAME_LIMIT = 100
OVERLAP_LIMIT_S = 90 * 86_400.0
"""A key that is as old as that has been forgotten, not rotated."""


class KeyDraft(Struct, frozen=True, kw_only=True):
    """What is to be a key. `project_id` and `account_id` are of the same organisation."""

    name: str
    rules: KeyRules = ANYTHING
    project_id: str | None = None
    account_id: str | None = None
    expires_at: float | None = None


class KeyChanges(Struct, frozen=True, kw_only=True):
    """What is to be different; what is unset stays. `version` is the one that was seen."""

    name: str | UnsetType = UNSET
    rules: KeyRules | UnsetType = UNSET
    expires_at: float | UnsetType | None = UNSET
    version: int | None = None


class NewKey(Struct, frozen=True):
    """A key, and its text: shown this once."""

    key: IssuedKey
    text: Secret


def create_key(
    desk: Desk, safe: Safe, actor: Actor, organisation_id: str, draft: KeyDraft
) -> NewKey:
    """Make a key. Members make their own, of no project that they choose rules for.

    Raises: InvalidRequest, Conflict when the name is taken, Forbidden, StoreError.
    """
    if not actor.may("admin", organisation_id) and draft.account_id != actor.account_id:
        raise Forbidden("members make keys of their own alone", hint="ask an administrator")
    name = _checked_name(draft.name)
    rules = checked_rules(draft.rules)
    _may_say(actor, organisation_id, rules, ANYTHING)
    token = safe.make_token(KIND)
    with desk.change(actor, "create", "key", name, organisation_id=organisation_id) as change:
        _check_expiry(draft.expires_at, change.now)
        _check_free(change.connection, organisation_id, name)
        _check_owners(change.connection, organisation_id, draft)
        check_quota(change.connection, organisation_id, "keys", change.now)
        key_id = new_id("key")
        row = {
            "id": key_id,
            "organisation_id": organisation_id,
            "project_id": draft.project_id,
            "account_id": draft.account_id,
            "name": name,
            "prefix": token.prefix,
            "digest": token.digest,
            "rules": _written(rules),
            "expires_at": draft.expires_at,
            "created_by": actor.name,
            "created_at": change.now,
            "updated_at": change.now,
        }
        change.connection.insert("gateway_key", tuple(row), [tuple(row.values())])
        key = get_key(change.connection, actor, organisation_id, key_id)
        change.note(None, _shown(key))
    return NewKey(key, token.text)


def update_key(
    desk: Desk, actor: Actor, organisation_id: str, key_id: str, changes: KeyChanges
) -> IssuedKey:
    """Change a key's name, rules or expiry. One that has expired comes back as a new one would.

    Raises: NotFound, Conflict, ChangedMeanwhile, InvalidRequest, QuotaReached, StoreError.
    """
    with desk.change(actor, "update", "key", key_id, organisation_id=organisation_id) as change:
        before = get_key(change.connection, actor, organisation_id, key_id)
        change.name(before.name)
        check_version(changes.version, before.version, f"the key '{before.name}'")
        _check_in_force(before)
        said: dict[str, Any] = {}
        if changes.name is not UNSET:
            said["name"] = _checked_name(changes.name)
            if said["name"] != before.name:
                _check_free(change.connection, organisation_id, said["name"])
        if changes.rules is not UNSET:
            said["rules"] = checked_rules(changes.rules)
            _may_say(actor, organisation_id, said["rules"], before.rules)
        if changes.expires_at is not UNSET:
            _check_expiry(changes.expires_at, change.now)
            if before.expires_at is not None and before.expires_at <= change.now:
                check_quota(change.connection, organisation_id, "keys", change.now)  # it comes back
            said["expires_at"] = changes.expires_at
        return _store(change, before, said)


def rotate_key(
    desk: Desk,
    safe: Safe,
    actor: Actor,
    organisation_id: str,
    key_id: str,
    *,
    overlap_s: float = 0.0,
    version: int | None = None,
) -> NewKey:
    """Give a key a new text; the one before opens for `overlap_s` seconds more.

    It stays the same key: its limits, budgets and history go on. A text from an earlier rotation
    that still opened does so no longer.

    Raises: NotFound, Conflict, ChangedMeanwhile, InvalidRequest, StoreError.
    """
    if not 0 <= overlap_s <= OVERLAP_LIMIT_S:
        raise InvalidRequest(
            f"the old text can open for {OVERLAP_LIMIT_S / 86_400:.0f} days more at most",
            param="overlap_s",
            hint=f"overlap_s is in seconds, from 0 to {OVERLAP_LIMIT_S:.0f}",
        )
    token = safe.make_token(KIND)
    with desk.change(actor, "rotate", "key", key_id, organisation_id=organisation_id) as change:
        before = get_key(change.connection, actor, organisation_id, key_id)
        change.name(before.name)
        check_version(version, before.version, f"the key '{before.name}'")
        _check_in_force(before)
        (row,) = change.connection.rows(
            "SELECT digest FROM gateway_key WHERE id = :id", {"id": key_id}
        )
        kept = overlap_s > 0
        after = _store(
            change,
            before,
            {
                "prefix": token.prefix,
                "previous_prefix": before.prefix if kept else None,
                "previous_until": change.now + overlap_s if kept else None,
            },
            {"digest": token.digest, "previous_digest": row["digest"] if kept else None},
        )
    return NewKey(after, token.text)


def revoke_key(
    desk: Desk, actor: Actor, organisation_id: str, key_id: str, *, version: int | None = None
) -> IssuedKey:
    """Revoke a key: from now on it opens nothing. Once revoked, it stays so.

    Raises: NotFound, ChangedMeanwhile, StoreError.
    """
    with desk.change(actor, "revoke", "key", key_id, organisation_id=organisation_id) as change:
        before = get_key(change.connection, actor, organisation_id, key_id)
        change.name(before.name)
        if before.revoked_at is not None:
            return before
        check_version(version, before.version, f"the key '{before.name}'")
        return _store(
            change,
            before,
            {"revoked_at": change.now, "previous_until": None, "previous_prefix": None},
            {"previous_digest": None},
        )


def revoke_keys_of(change: Change, account_id: str, organisation_id: str | None = None) -> None:
    """Revoke the keys that are somebody's own, there or everywhere, inside a change."""
    values = {"account": account_id, "now": change.now}
    where = "account_id = :account AND revoked_at IS NULL"
    if organisation_id is not None:
        values["organisation"] = organisation_id
        where += " AND organisation_id = :organisation"
    revoked = change.connection.rows(
        "UPDATE gateway_key SET revoked_at = :now, updated_at = :now, version = version + 1"  # noqa: S608
        f" WHERE {where} RETURNING name",
        values,
    )
    if revoked:
        change.note(None, {"revoked keys": sorted(row["name"] for row in revoked)})


def _store(
    change: Change,
    before: IssuedKey,
    said: Mapping[str, Any],
    digests: Mapping[str, str | None] = {},
) -> IssuedKey:
    """Write what is different, note it, and say what the key is now."""
    different = {name: value for name, value in said.items() if value != getattr(before, name)}
    problem = before.problem
    if problem is not None and "rules" in said:  # what stands in for them is not what was there
        different["rules"], problem = said["rules"], None
    if not different and not digests:
        return before
    after = msgspec.structs.replace(
        before,
        **different,
        updated_at=change.now,
        version=before.version + 1,
        problem=problem,
    )
    values = {
        **{name: _written(v) if name == "rules" else v for name, v in different.items()},
        **digests,
        "updated_at": change.now,
    }
    change.connection.write(
        "UPDATE gateway_key SET "  # noqa: S608
        + ", ".join(f"{name} = :{name}" for name in values)
        + ", version = version + 1 WHERE id = :id",
        {**values, "id": before.id},
    )
    change.note(_shown(before), _shown(after))
    return after


def _written(rules: KeyRules) -> str:
    return msgspec.json.encode(rules).decode()


def _shown(key: IssuedKey) -> dict[str, Any]:
    """What the audit log may say of a key."""
    fields = ("name", "prefix", "project", "member", "expires_at", "revoked_at")
    return {
        **{name: getattr(key, name) for name in (*fields, "previous_until")},
        "rules": msgspec.to_builtins(key.rules) if key.problem is None else "(unreadable)",
    }


def _may_say(actor: Actor, organisation_id: str, rules: KeyRules, before: KeyRules) -> None:
    """See that a member does not decide what is kept of what is said. Raises: Forbidden."""
    if rules.content != before.content and not actor.may("admin", organisation_id):
        raise Forbidden("what is logged is decided by administrators", hint="ask one")


def _checked_name(name: str) -> str:
    if name and name == name.strip() and name.isprintable() and len(name) <= NAME_LIMIT:
        return name
    raise InvalidRequest(
        f"a key's name has 1 to {NAME_LIMIT} visible characters",
        param="name",
        hint="call it for where it is used: 'ci', 'laptop of Kim'",
    )


def _check_free(connection: Connection, organisation_id: str, name: str) -> None:
    if connection.rows(
        "SELECT 1 FROM gateway_key WHERE organisation_id = :organisation_id AND name = :name"
        " AND revoked_at IS NULL",
        {"organisation_id": organisation_id, "name": name},
    ):
        raise Conflict(
            f"there is a key named '{name}' already",
            hint="rotate it to give it a new text, or take another name",
        )


def _check_owners(connection: Connection, organisation_id: str, draft: KeyDraft) -> None:
    """See that project and member are the organisation's. Raises: InvalidRequest."""
    for field, statement in (
        ("project_id", "SELECT 1 FROM project WHERE organisation_id = :of AND id = :id"),
        ("account_id", "SELECT 1 FROM member WHERE organisation_id = :of AND account_id = :id"),
    ):
        wanted = getattr(draft, field)
        if wanted is None:
            continue
        if not connection.rows(statement, {"of": organisation_id, "id": wanted}):
            noun = field.removesuffix("_id")
            raise InvalidRequest(f"this {noun} is not of the organisation", param=noun)


def _check_expiry(expires_at: float | None, now: float) -> None:
    if expires_at is not None and not now < expires_at < 1e11:
        raise InvalidRequest(
            "expires_at lies in the past, or is no time",
            param="expires_at",
            hint="give seconds since 1970, or null for never",
        )


def _check_in_force(key: IssuedKey) -> None:
    if key.revoked_at is not None:
        raise Conflict(f"the key '{key.name}' is revoked, for good", hint="make a new one")
