"""What an organisation may say of itself, and what operators allow it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from dragoman.types.content import ContentMode
from dragoman.types.server import CacheSettings


class CacheChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether answers are kept for an organisation, and for how long (seconds).

    None: as the operator's configuration says for everybody.
    """

    enabled: bool | None = None
    ttl: Annotated[float, Meta(gt=0, le=30 * 86_400)] | None = None

    def over(self, general: CacheSettings) -> CacheSettings | None:
        """Say how answers are kept, where everybody's are kept so; None: not at all."""
        enabled = general.enabled if self.enabled is None else self.enabled
        if not enabled:
            return None
        return general if self.ttl is None else replace(general, ttl=self.ttl)


class OrganisationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an organisation's admins choose. Every field has a default.

    `content`: whether what is said is kept, None as the operator has it; for `content_days`, at
    most as long as the operator keeps it.
    """

    content: ContentMode | None = None
    content_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    cache: CacheChoice = CacheChoice()


class Quotas(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What operators allow an organisation; None is no limit.

    `keys`, `providers`, `projects`, `members`: so many of them (open invitations are members).
    `operator_providers`: which of the operator's providers it may use, those that are built in and
    those of the configuration: by name, and `*` stands for any text. Where nothing is said, it is
    none of them; for the organisation `default` it is all.
    """

    keys: int | None = None
    providers: int | None = None
    projects: int | None = None
    members: int | None = None
    operator_providers: tuple[str, ...] | None = None


UNREAD_SETTINGS = OrganisationSettings(content="off", cache=CacheChoice(enabled=False))
UNREAD_QUOTAS = Quotas(keys=0, providers=0, projects=0, members=0, operator_providers=())
"""What holds where a row cannot be read: nothing that somebody may have meant to withhold."""
