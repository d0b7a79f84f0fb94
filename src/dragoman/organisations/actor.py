"""Who looks at things and changes them, and what their role lets them do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.provider import EgressPolicy

Role: TypeAlias = Literal["viewer", "member", "admin", "owner"]
ROLES: tuple[Role, ...] = ("viewer", "member", "admin", "owner")
"""Each may do what those before it may."""


class Actor(Struct, frozen=True, kw_only=True):
    """Whoever makes a request of the control plane, or the program itself.

    `name` is what the audit log shows: an e-mail address, `operator`, `system`. An operator runs
    the instance and may do everything in it. `roles` are by organisation's id.
    """

    name: str
    account_id: str | None = None
    operator: bool = False
    roles: Mapping[str, Role] = {}
    address: str | None = None

    @property
    def egress(self) -> EgressPolicy:
        """The policy for the addresses that they set: only an operator's may lead inside."""
        return "operator" if self.operator else "organisation"

    def role_in(self, organisation_id: str) -> Role | None:
        """The role in an organisation; an operator has the highest in all."""
        return "owner" if self.operator else self.roles.get(organisation_id)

    def may(self, least: Role, organisation_id: str) -> bool:
        """Whether the role there is at least this one."""
        role = self.role_in(organisation_id)
        return role is not None and ROLES.index(role) >= ROLES.index(least)

    def sees_configuration(self, organisation_id: str) -> bool:
        """Whether they are shown there the keys and limits of the configuration file."""
        return organisation_id == DEFAULT_ORGANISATION and self.may("admin", organisation_id)


SYSTEM = Actor(name="system", operator=True)
"""The program itself: migrations, expiry, the first start."""
