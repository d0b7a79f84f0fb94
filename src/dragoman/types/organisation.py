"""What an organisation may say of itself, and what operators allow it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, convert, to_builtins
from msgspec.structs import replace

from dragoman.types.content import ContentMode
from dragoman.types.server import CacheSettings

Ttl: TypeAlias = Annotated[float, Meta(gt=0, le=30 * 86_400)]
Days: TypeAlias = Annotated[int, Meta(ge=1, le=3650)]


class CacheChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether answers are kept for an organisation, and for how long (seconds).

    None: as the operator's configuration says for everybody.
    """

    enabled: bool | None = None
    ttl: Ttl | None = None

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
    content_days: Days | None = None
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


class CacheChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different of `CacheChoice`; what is not there stays, null is its default."""

    enabled: bool | UnsetType | None = UNSET
    ttl: Ttl | UnsetType | None = UNSET


class SettingsChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different of the settings; what is not there stays, null is its default."""

    content: ContentMode | UnsetType | None = UNSET
    content_days: Days | UnsetType | None = UNSET
    cache: CacheChange | UnsetType | None = UNSET


class QuotasChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different of the quotas; what is not there stays, null is its default."""

    keys: int | UnsetType | None = UNSET
    providers: int | UnsetType | None = UNSET
    projects: int | UnsetType | None = UNSET
    members: int | UnsetType | None = UNSET
    operator_providers: tuple[str, ...] | UnsetType | None = UNSET


Kept = TypeVar("Kept", OrganisationSettings, Quotas)


def lay_over(kept: Kept, change: SettingsChange | QuotasChange) -> Kept:
    """Lay what is to be different of settings or of quotas over what is kept of them.

    Precedent: https://www.rfc-editor.org/rfc/rfc7396 (read 2026-11)
    """
    return convert(_patch(to_builtins(kept), to_builtins(change)), type(kept))


def _patch(kept: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Patch an object; what is taken out of it has its default."""
    patched = {**kept, **change}
    for name, value in change.items():
        if value is None:
            del patched[name]
        elif isinstance(value, dict):
            patched[name] = _patch(kept[name], value)
    return patched


UNREAD_SETTINGS = OrganisationSettings(content="off", cache=CacheChoice(enabled=False))
UNREAD_QUOTAS = Quotas(keys=0, providers=0, projects=0, members=0, operator_providers=())
"""What holds where a row cannot be read: nothing that somebody may have meant to withhold."""
