"""Providers of an organisation: its own, and its tokens for those that everybody has.

Law: a token goes to the scheme, host and port that it was given for. Whoever changes them gives it
again, and it can be read back by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dragoman.config.secrets import origin_of
from dragoman.endpoint import default_auth
from dragoman.errors import InvalidRequest
from dragoman.organisations.definition import check_definition, egress_of
from dragoman.organisations.deliveries import end_outage
from dragoman.organisations.failures import Conflict, ReadOnly
from dragoman.organisations.opened import Opened, read_opened
from dragoman.organisations.provider_rows import (
    StoredProvider,
    find_stored,
    get_stored,
    open_token,
    purpose_of,
)
from dragoman.organisations.quotas import check_quota
from dragoman.organisations.sealing import Unreadable
from dragoman.organisations.texts import shown
from dragoman.organisations.versions import check_version

if TYPE_CHECKING:
    from dragoman.config import Config
    from dragoman.organisations.actor import Actor
    from dragoman.organisations.desk import Change, Desk
    from dragoman.organisations.safe import Safe
    from dragoman.types.provider import Provider

NAME_PATTERN = "^[a-z]+$"
NAME_LIMIT = 63
TOKEN_LIMIT = 8192

_NAME = re.compile(r"[a-z]+")
_TOKEN = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


class ProviderDraft(Struct, frozen=True, kw_only=True):
    """What a provider is to be. `said` is its table, as a configuration has it, without its key.

    `token`: unset leaves the one that is there, None takes it away. `version` is the one that was
    seen.
    """

    said: Mapping[str, Any]
    token: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    version: int | None = None

    def __repr__(self) -> str:
        return "ProviderDraft(…)"


class Written(Struct, frozen=True):
    """What was written, and what whoever did it should know. `created`: it was not there before."""

    provider: StoredProvider
    created: bool = False
    warnings: tuple[str, ...] = ()


def put_provider(
    desk: Desk,
    safe: Safe,
    actor: Actor,
    organisation_id: str,
    name: str,
    draft: ProviderDraft,
    config: Config,
) -> Written:
    """Make a provider, or change it: its settings are as the draft says, all of them.

    An operator's word may lead to this machine and its neighbours, a tenant's may not. `config` is
    the configuration in force, whose names are taken.

    Raises: InvalidRequest, Conflict, ReadOnly, ChangedMeanwhile, QuotaReached, StoreError.
    """
    with desk.read() as connection:
        opened = read_opened(connection, organisation_id)
    check_name(name, config, actor, opened)
    provider = check_definition(name, draft.said, actor.egress)
    origin = origin_of(provider.base_url)
    sealed = _sealed(safe, organisation_id, name, draft.token, provider)
    with desk.change(actor, "put", "provider", name, organisation_id=organisation_id) as change:
        before = find_stored(change.connection, organisation_id, name)
        check_version(draft.version, before.version if before else 0, f"the provider '{name}'")
        if before is not None:
            _check_hand(actor, before)
        else:
            check_quota(change.connection, organisation_id, "providers", change.now)
        token, warnings = sealed, []
        if before is not None and before.origin == origin and _is_same(safe, before, draft.token):
            token = before.token
        elif draft.token is UNSET and before is not None:
            token = before.token
            if token is not None and before.origin != origin:
                token = None
                warnings.append(
                    f"the token was for {before.origin} and is not sent to {origin}: it is gone;"
                    " give the new one"
                )
        enabled = draft.enabled
        if enabled is UNSET:
            enabled = before.enabled if before is not None else True
        values = {
            "definition": _written(draft.said),
            "token": token,
            "origin": origin if token is not None else None,
            "egress": actor.egress,
            "enabled": enabled,
        }
        after = _store(change, organisation_id, name, before, values)
    return Written(after, before is None, tuple(warnings))


def change_provider(
    desk: Desk,
    safe: Safe,
    actor: Actor,
    organisation_id: str,
    name: str,
    *,
    enabled: bool | UnsetType = UNSET,
    token: str | UnsetType | None = UNSET,
    version: int | None = None,
) -> StoredProvider:
    """Enable or disable a provider of its own, or give it another token.

    Raises: NotFound, InvalidRequest, ChangedMeanwhile, StoreError.
    """
    with desk.read() as connection:
        seen = get_stored(connection, organisation_id, name, custom=True)
    sealed = origin = None
    if token is not UNSET and token is not None:
        provider = check_definition(name, seen.said, egress_of(seen))
        sealed = _sealed(safe, organisation_id, name, token, provider)
        origin = origin_of(provider.base_url)
    with desk.change(actor, "update", "provider", name, organisation_id=organisation_id) as change:
        before = get_stored(change.connection, organisation_id, name, custom=True)
        check_version(version, before.version, f"the provider '{name}'")
        values: dict[str, Any] = {}
        if enabled is not UNSET:
            values["enabled"] = enabled
        if token is not UNSET:
            # It was sealed for the address that was read; if that has changed since, nothing holds.
            check_version(seen.version, before.version, f"the provider '{name}'")
            values |= {"token": sealed, "origin": origin}
        return _store(change, organisation_id, name, before, values)


def delete_provider(
    desk: Desk, actor: Actor, organisation_id: str, name: str, *, version: int | None = None
) -> None:
    """Delete a provider of its own with its token. Raises: NotFound, ChangedMeanwhile."""
    _delete(desk, actor, organisation_id, name, version, custom=True)


# ---------------------------------------------------------------------- tokens for the built-in


def put_credential(
    desk: Desk,
    safe: Safe,
    actor: Actor,
    organisation_id: str,
    provider: Provider,
    token: str,
    *,
    version: int | None = None,
) -> Written:
    """Keep the organisation's token for a provider that is built in or in the configuration.

    Raises: InvalidRequest, Conflict, ChangedMeanwhile, StoreError.
    """
    name = provider.name
    origin = origin_of(provider.base_url)
    if origin is None or provider.adapter is not None:
        raise InvalidRequest(
            f"'{name}' does not take a token alone",
            param="provider",
            hint="the operator's configuration can say what it needs",
        )
    sealed = _sealed(safe, organisation_id, name, token, provider)
    with desk.change(actor, "put", "credential", name, organisation_id=organisation_id) as change:
        before = find_stored(change.connection, organisation_id, name)
        if before is not None and before.definition is not None:
            raise Conflict(
                f"'{name}' is a provider of the organisation's own",
                hint="its token belongs to it: change it there",
            )
        check_version(version, before.version if before else 0, f"the token for '{name}'")
        values = {"token": sealed, "origin": origin, "egress": "organisation", "enabled": True}
        return Written(_store(change, organisation_id, name, before, values), before is None)


def delete_credential(
    desk: Desk, actor: Actor, organisation_id: str, name: str, *, version: int | None = None
) -> None:
    """Forget the organisation's token for a provider. Raises: NotFound, ChangedMeanwhile."""
    _delete(desk, actor, organisation_id, name, version, custom=False)


# -------------------------------------------------------------------------------------- at hand


def check_name(name: str, config: Config, actor: Actor, opened: Opened) -> None:
    """See that a provider of an organisation may have this name, as it is.

    Nobody is told of a provider of the configuration that is not open to them: the name is theirs.

    Raises: InvalidRequest; Conflict for a built-in's; ReadOnly for one of the configuration's.
    """
    if _NAME.fullmatch(name) is None or len(name) > NAME_LIMIT:
        raise InvalidRequest(
            f"{shown(name)} cannot be a provider's name",
            param="name",
            hint=f"1 to {NAME_LIMIT} of the letters a to z, and nothing else",
        )
    known = config.providers.get(name) if name in config.providers else None
    if known is None:
        return
    if known.built_in:
        raise Conflict(
            f"'{name}' is a provider that is built in",
            hint="take another name; a token of your own for it is given as a credential"
            if name in opened
            else "take another name, or ask an operator of this gateway to enable it",
        )
    if name not in opened:
        return
    where = f" ({known.place})" if actor.operator and known.place else ""
    raise ReadOnly(
        f"'{name}' is a provider of the gateway's configuration{where}",
        hint="it is changed there, by an operator; take another name",
    )


def _sealed(
    safe: Safe,
    organisation_id: str,
    name: str,
    token: str | UnsetType | None,
    provider: Provider,
) -> str | None:
    """Check a token and seal it. Raises: InvalidRequest that does not repeat it."""
    if token is UNSET or token is None:
        return None
    if _TOKEN.fullmatch(token) is None or len(token) > TOKEN_LIMIT:
        raise InvalidRequest(
            "a token is printable ASCII, with no spaces at its ends",
            param="token",
            hint="was it copied with a line break, or with a typographic quote or dash?",
        )
    if default_auth(provider.base_url, provider.api, provider.auth) == "none":
        raise InvalidRequest(
            "with auth = none no token is sent", param="token", hint="leave out one of the two"
        )
    return safe.seal(token, purpose_of(organisation_id, name))


def _is_same(safe: Safe, before: StoredProvider, token: str | UnsetType | None) -> bool:
    """Whether the token that is given is the one that is there: then nothing has changed."""
    if before.token is None or not isinstance(token, str):
        return False
    try:
        opened = open_token(safe, before.organisation_id, before)
    except Unreadable:
        return False
    return opened is not None and opened.reveal() == token


def _check_hand(actor: Actor, before: StoredProvider) -> None:
    """Whose word a URL is decides where it may lead: tenants do not change an operator's."""
    if before.egress == "operator" and not actor.operator:
        raise ReadOnly(
            f"'{before.name}' was set up by an operator of this gateway",
            hint="ask one to change it; it can be disabled, given another token, or deleted",
        )


def _delete(
    desk: Desk, actor: Actor, organisation_id: str, name: str, version: int | None, *, custom: bool
) -> None:
    kind = "provider" if custom else "credential"
    with desk.change(actor, "delete", kind, name, organisation_id=organisation_id) as change:
        before = get_stored(change.connection, organisation_id, name, custom=custom)
        check_version(version, before.version, f"the {kind} '{name}'")
        change.connection.write(
            "DELETE FROM provider WHERE organisation_id = :organisation_id AND name = :name",
            {"organisation_id": organisation_id, "name": name},
        )
        end_outage(change.connection, organisation_id, name)  # nobody is told that it is back
        change.note(_noted(before), None)


def _store(
    change: Change,
    organisation_id: str,
    name: str,
    before: StoredProvider | None,
    values: dict[str, Any],
) -> StoredProvider:
    """Write a row where something is different, note it, and read it back."""
    row = {"organisation_id": organisation_id, "name": name}
    if before is None:
        made = {**row, **values, "created_at": change.now, "updated_at": change.now}
        made["enabled"] = int(made["enabled"])
        change.connection.insert("provider", tuple(made), [tuple(made.values())])
    else:
        different = {key: v for key, v in values.items() if v != getattr(before, key)}
        if not different:
            return before
        written = {**different, "updated_at": change.now}
        if "enabled" in written:
            written["enabled"] = int(written["enabled"])
        change.connection.write(
            "UPDATE provider SET "  # noqa: S608
            + ", ".join(f"{column} = :{column}" for column in written)
            + ", version = version + 1 WHERE organisation_id = :organisation_id AND name = :name",
            {**written, **row},
        )
    after = find_stored(change.connection, organisation_id, name)
    assert after is not None
    noted = _noted(after)
    if before is not None and before.token != after.token and after.token is not None:
        noted["token"] = f"{noted['token']}, another one"
    change.note(_noted(before) if before else None, noted)
    return after


def _noted(row: StoredProvider) -> dict[str, Any]:
    """What the audit log may say: all but the token, and where the gateway's own providers are."""
    token = "(sealed)" if row.definition is None else f"(for {row.origin})"
    return {
        **row.said,
        "token": None if row.token is None else token,
        "egress": row.egress,
        "enabled": row.enabled,
    }


def _written(said: Mapping[str, Any]) -> str:
    return msgspec.json.encode(said, order="deterministic").decode()
