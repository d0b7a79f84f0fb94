"""Organisations, and what they have set up; `default` is there from the start."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, UniqueConstraint, text

from dragoman.store.column_types import SQLITE, TEXT, Flag, Number, Seconds

revision = "0005"
down_revision = "0004"


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


def upgrade() -> None:
    """See the module."""
    op.create_table(
        "organisation",
        Column("id", TEXT, primary_key=True),
        Column("name", TEXT, nullable=False, unique=True),
        Column("title", TEXT, nullable=False),
        _json("settings"),
        _json("quotas"),
        *_versioned(),
        **SQLITE,
    )
    op.create_table(
        "project",
        Column("id", TEXT, primary_key=True),
        _of_organisation(),
        Column("name", TEXT, nullable=False),
        Column("title", TEXT, nullable=False),
        *_versioned(),
        UniqueConstraint("organisation_id", "name", name="project_name"),
        **SQLITE,
    )
    op.create_table(
        "account",
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
    op.create_table(
        "member",
        _of_organisation(key=True),
        Column("account_id", TEXT, ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
        Column("role", TEXT, nullable=False),
        *_versioned(),
        **SQLITE,
    )
    op.create_index("member_account", "member", ["account_id"])
    op.create_table(
        "invitation",
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
    op.create_table(
        "session",
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
    op.create_index("session_account", "session", ["account_id"])
    op.create_table(
        "api_token",
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
    op.create_table(
        "sign_in_failure",
        Column("digest", TEXT, primary_key=True),
        Column("count", Number, nullable=False),
        Column("since", Seconds, nullable=False),
        **SQLITE,
    )
    op.create_table(
        "provider",
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
    op.create_table(
        "gateway_key",
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
    op.create_index("gateway_key_of_organisation", "gateway_key", ["organisation_id", "id"])
    in_force = text("revoked_at IS NULL")
    op.create_index(
        "gateway_key_name",
        "gateway_key",
        ["organisation_id", "name"],
        unique=True,
        sqlite_where=in_force,
        postgresql_where=in_force,
    )
    op.create_table(
        "route",
        _of_organisation(key=True),
        Column("name", TEXT, primary_key=True),
        _json("definition"),
        *_versioned(),
        **SQLITE,
    )
    op.create_table(
        "guardrail",
        _of_organisation(key=True),
        Column("name", TEXT, primary_key=True),
        Column("position", Number, nullable=False, server_default=text("0")),
        _json("definition"),
        Column("mode", TEXT, nullable=False, server_default="enforce"),
        _flag("enabled", 1),
        *_versioned(),
        **SQLITE,
    )
    op.create_table(
        "webhook",
        _of_organisation(key=True),
        Column("name", TEXT, primary_key=True),
        Column("url", TEXT, nullable=False),
        Column("secret", TEXT),
        Column("events", TEXT, nullable=False, server_default="[]"),
        _flag("enabled", 1),
        *_versioned(),
        **SQLITE,
    )
    op.create_table(
        "audit",
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
    op.create_index("audit_of_organisation", "audit", ["organisation_id", "id"])
    op.create_table(
        "setting",
        Column("name", TEXT, primary_key=True),
        Column("value", TEXT, nullable=False),
        *_versioned(),
        **SQLITE,
    )
    op.create_table(
        "revision",
        Column("id", Number, primary_key=True, autoincrement=False),
        Column("number", Number, nullable=False),
        **SQLITE,
    )
    op.execute(
        "INSERT INTO organisation (id, name, title, created_at, updated_at)"
        " VALUES ('default', 'default', 'Default', 0, 0)"
    )
    op.execute("INSERT INTO revision (id, number) VALUES (1, 1)")
