"""A gateway key that an organisation has handed out: whose it is, and what it may be used for."""

from __future__ import annotations

from msgspec import Struct

from dragoman.types.content import ContentMode


class KeyRules(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """What a key may be used for; an empty list permits everything.

    models: model refs (`provider/model`) and names of routes; `*` stands for any text. Every
        provider and model that is asked has to be permitted, also where a route leads to it.
    providers: their names.
    endpoints: paths behind the version (`/chat/completions`, `/embeddings`), with `*` as well.
    addresses: those from which it may be used, as `10.0.0.0/8`, `2001:db8::/32` or one address.
    privacy: a class of providers (`local`, `eu`), which is never left.
    content: what is kept of what was said, whatever the organisation's setting is; None where that
        holds.
    """

    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    privacy: str | None = None
    content: ContentMode | None = None


ANYTHING = KeyRules()
FILE = "file:"
"""What the ids of keys begin with that are in the configuration file."""


class IssuedKey(Struct, frozen=True, kw_only=True):
    """A key as the database has it. Times are Unix time.

    `prefix` is what people are shown of it. It opens nothing from `expires_at` and `revoked_at` on.
    After a rotation the text before opens as well, until `previous_until`. `project` is the
    project's name, `member` the account's e-mail address. One with a `problem` opens nothing: its
    `rules` cannot be read, and are not what stands here.
    """

    id: str
    organisation_id: str
    name: str
    prefix: str
    rules: KeyRules = ANYTHING
    project_id: str | None = None
    project: str | None = None
    account_id: str | None = None
    member: str | None = None
    expires_at: float | None = None
    revoked_at: float | None = None
    used_at: float | None = None
    previous_prefix: str | None = None
    previous_until: float | None = None
    created_by: str | None = None
    created_at: float
    updated_at: float
    version: int = 1
    problem: str | None = None

    def opens(self, now: float) -> bool:
        """Whether it still opens anything."""
        if self.problem is not None:
            return False
        if self.revoked_at is not None and self.revoked_at <= now:
            return False
        return self.expires_at is None or now < self.expires_at
