"""Who works with the gateway, and what they have set up.

An organisation has projects, members, providers, credentials for built-in providers, gateway keys,
routes, guardrails and webhooks. `default` is there from the start: to it belongs what is asked
without a key, with a key of the configuration file, or on the command line.

`version` counts the changes of a row: whoever changes it says which one was seen. Secrets are
sealed (`token`, `secret`), or kept as digests from which nothing can be read back (`digest`,
`password`). JSON: `settings`, `quotas`, `definition`, `rules`, `events`, `difference`, `value`.

`provider`: a row with a `definition` is a custom provider, `definition` being its table as a
configuration has it; one without is a credential for the built-in of that name. `origin` is the
scheme, host and port that its token may be sent to. `egress` is whose word the URL is.

`gateway_key`: `prefix` is what people are shown of it. `account_id` is the member whose it is, if
it is one's own. A project's or an account's keys go with it. After a rotation the text before,
`previous_digest`, opens until `previous_until`.

`api_token` opens the control plane to programs, as the account whose it is. `sign_in_failure`
counts tries that failed, at passwords and at addresses, each name written as a digest.

`revision` has one row; its number grows with every change, so that every worker notices.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint, text

from dragoman.store.column_types import SQLITE, TEXT, Flag, Number, Seconds
from dragoman.store.tables.metadata import METADATA


def _of_organisation(*, key: bool = False) -> Column[object]:
    return Column(
        "organisation_id",
        TEXT,
        ForeignKey("organisation.id", ondelete="CASCADE"),
        primary_key=key,
        nullable=False,
    )


def _json(name: str) -> Column[object]:
    return Column(name, TEXT, nullable=False, server_default="{}")


def _versioned() -> list[Column[object]]:
    return [
        Column("created_at", Seconds, nullable=False),
        Column("updated_at", Seconds, nullable=False),
        Column("version", Number, nullable=False, server_default=text("1")),
    ]


def _flag(name: str, default: int) -> Column[object]:
    return Column(name, Flag, nullable=False, server_default=text(str(default)))


ORGANISATION = Table(
    "organisation",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False, unique=True),
    Column("title", TEXT, nullable=False),
    _json("settings"),
    _json("quotas"),
    *_versioned(),
    **SQLITE,
)

PROJECT = Table(
    "project",
    METADATA,
    Column("id", TEXT, primary_key=True),
    _of_organisation(),
    Column("name", TEXT, nullable=False),
    Column("title", TEXT, nullable=False),
    *_versioned(),
    UniqueConstraint("organisation_id", "name", name="project_name"),
    **SQLITE,
)

ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("email", TEXT, nullable=False, unique=True),
    Column("name", TEXT, nullable=False),
    Column("password", TEXT),
    Column("issuer", TEXT),
    Column("subject", TEXT),
    _flag("operator", 0),
    _flag("enabled", 1),
    *_versioned(),
    UniqueConstraint("issuer", "subject", name="account_subject"),
    **SQLITE,
)

MEMBER = Table(
    "member",
    METADATA,
    _of_organisation(key=True),
    Column("account_id", TEXT, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("role", TEXT, nullable=False),
    *_versioned(),
    **SQLITE,
)
Index("member_account", MEMBER.c.account_id)

INVITATION = Table(
    "invitation",
    METADATA,
    Column("id", TEXT, primary_key=True),
    _of_organisation(),
    Column("digest", TEXT, nullable=False, unique=True),
    Column("role", TEXT, nullable=False),
    Column("email", TEXT),
    Column("created_at", Seconds, nullable=False),
    Column("created_by", TEXT),
    Column("expires_at", Seconds, nullable=False),
    Column("accepted_at", Seconds),
    Column("accepted_by", TEXT),
    **SQLITE,
)

SESSION = Table(
    "session",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("digest", TEXT, nullable=False, unique=True),
    Column("account_id", TEXT, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Seconds, nullable=False),
    Column("used_at", Seconds, nullable=False),
    Column("expires_at", Seconds, nullable=False),
    Column("address", TEXT),
    Column("agent", TEXT),
    **SQLITE,
)
Index("session_account", SESSION.c.account_id)

API_TOKEN = Table(
    "api_token",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("prefix", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False, unique=True),
    Column("created_at", Seconds, nullable=False),
    Column("expires_at", Seconds),
    Column("used_at", Seconds),
    UniqueConstraint("account_id", "name", name="api_token_name"),
    **SQLITE,
)

SIGN_IN_FAILURE = Table(
    "sign_in_failure",
    METADATA,
    Column("digest", TEXT, primary_key=True),
    Column("count", Number, nullable=False),
    Column("since", Seconds, nullable=False),
    **SQLITE,
)

PROVIDER = Table(
    "provider",
    METADATA,
    _of_organisation(key=True),
    Column("name", TEXT, primary_key=True),
    Column("definition", TEXT),
    Column("token", TEXT),
    Column("origin", TEXT),
    Column("egress", TEXT, nullable=False, server_default="organisation"),
    _flag("enabled", 1),
    *_versioned(),
    **SQLITE,
)

GATEWAY_KEY = Table(
    "gateway_key",
    METADATA,
    Column("id", TEXT, primary_key=True),
    _of_organisation(),
    Column("project_id", TEXT, ForeignKey("project.id", ondelete="CASCADE")),
    Column("account_id", TEXT, ForeignKey("account.id", ondelete="CASCADE")),
    Column("name", TEXT, nullable=False),
    Column("prefix", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False, unique=True),
    _json("rules"),
    Column("expires_at", Seconds),
    Column("revoked_at", Seconds),
    Column("used_at", Seconds),
    Column("previous_digest", TEXT, unique=True),
    Column("previous_prefix", TEXT),
    Column("previous_until", Seconds),
    Column("created_by", TEXT),
    *_versioned(),
    **SQLITE,
)
Index("gateway_key_of_organisation", GATEWAY_KEY.c.organisation_id, GATEWAY_KEY.c.id)
IN_FORCE = text("revoked_at IS NULL")
Index(
    "gateway_key_name",
    GATEWAY_KEY.c.organisation_id,
    GATEWAY_KEY.c.name,
    unique=True,
    sqlite_where=IN_FORCE,
    postgresql_where=IN_FORCE,
)

ROUTE = Table(
    "route",
    METADATA,
    _of_organisation(key=True),
    Column("name", TEXT, primary_key=True),
    _json("definition"),
    *_versioned(),
    **SQLITE,
)

GUARDRAIL = Table(
    "guardrail",
    METADATA,
    _of_organisation(key=True),
    Column("name", TEXT, primary_key=True),
    Column("position", Number, nullable=False, server_default=text("0")),
    _json("definition"),
    Column("mode", TEXT, nullable=False, server_default="enforce"),
    _flag("enabled", 1),
    *_versioned(),
    **SQLITE,
)

WEBHOOK = Table(
    "webhook",
    METADATA,
    _of_organisation(key=True),
    Column("name", TEXT, primary_key=True),
    Column("url", TEXT, nullable=False),
    Column("secret", TEXT),
    Column("events", TEXT, nullable=False, server_default="[]"),
    _flag("enabled", 1),
    *_versioned(),
    **SQLITE,
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("at", Seconds, nullable=False),
    Column("organisation_id", TEXT),
    Column("actor", TEXT, nullable=False),
    Column("address", TEXT),
    Column("action", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("object", TEXT, nullable=False),
    _json("difference"),
    **SQLITE,
)
Index("audit_of_organisation", AUDIT.c.organisation_id, AUDIT.c.id)

SETTING = Table(
    "setting",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
    *_versioned(),
    **SQLITE,
)

REVISION = Table(
    "revision",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("number", Number, nullable=False),
    **SQLITE,
)
