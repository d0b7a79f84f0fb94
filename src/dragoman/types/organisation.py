"""What an organisation may say of itself, and what operators allow it."""

from __future__ import annotations

from msgspec import Struct


class OrganisationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an organisation's admins choose. Every field has a default."""


class Quotas(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What operators allow an organisation; None is no limit.

    `keys`, `providers`, `projects`, `members`: so many of them (open invitations are members).
    `operator_providers`: which providers of the operator's configuration it may use, by name.
    """

    keys: int | None = None
    providers: int | None = None
    projects: int | None = None
    members: int | None = None
    operator_providers: tuple[str, ...] | None = None
