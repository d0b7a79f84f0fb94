"""What was asked and answered: exchanges, their attempts, conversations, responses.

`exchange` repeats the answering attempt's provider, model, tokens and cost, so that a list needs
one table. `organisation_id` is whose request it was; the command line's belong to `default`.

A conversation is its exchanges by `turn`; each holds only what was new in it. A turn that was tried
again has several exchanges: the last one that was answered counts. `settings` is what its next turn
goes on with, as JSON.

A response can be continued by the gateway key that asked for it ('' where none is needed); `body`
and `input` are what was said, where we keep it ourselves. `organisation_id` is the key's; `own`:
the provider is that organisation's, too. `owed`: what it used is not known yet, and is counted when
somebody asks for it: we do, at `due_at`.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, text

from dragoman.store.column_types import SQLITE, TEXT, Flag, Number, Seconds
from dragoman.store.tables.metadata import METADATA


def _metered() -> list[Column[object]]:
    """What an attempt and an exchange both have. `error` is the error's code."""
    return [
        Column("finish_reason", TEXT),
        Column("prompt_tokens", Number),
        Column("completion_tokens", Number),
        Column("cache_read_tokens", Number),
        Column("cache_write_tokens", Number),
        Column("cache_write_1h_tokens", Number),
        Column("reasoning_tokens", Number),
        Column("usage_estimated", Flag, nullable=False, server_default=text("0")),
        Column("cost_nanousd", Number),
        Column("cost_source", TEXT, nullable=False, server_default="unknown"),
        Column("error", TEXT),
        Column("first_token_s", Seconds),
        Column("duration_s", Seconds, nullable=False, server_default=text("0")),
    ]


CONVERSATION = Table(
    "conversation",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("started_at", Seconds, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("settings", TEXT, nullable=False, server_default="{}"),
    **SQLITE,
)

EXCHANGE = Table(
    "exchange",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("started_at", Seconds, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("asked", TEXT, nullable=False),
    Column("route", TEXT),
    Column("stream", Flag, nullable=False, server_default=text("0")),
    Column("provider", TEXT),
    Column("model", TEXT),
    Column("outcome", TEXT, nullable=False),
    Column("attempt_count", Number, nullable=False, server_default=text("0")),
    Column("warnings", TEXT),
    *_metered(),
    Column("conversation_id", TEXT, ForeignKey("conversation.id", ondelete="SET NULL")),
    Column("turn", Number),
    # Through the gateway: the path that was asked, the name of the key that asked, what the client
    # was told, and the part of `duration_s` that no provider took.
    Column("endpoint", TEXT),
    Column("gateway_key", TEXT),
    Column("status", Number),
    Column("overhead_s", Seconds),
    # Whose it was, and under which mark (`demo` for traffic that was made up).
    Column("organisation_id", TEXT, nullable=False, server_default="default"),
    Column("project_id", TEXT),
    Column("account_id", TEXT),
    Column("key_id", TEXT),
    Column("tag", TEXT),
    **SQLITE,
)
Index("exchange_started_at", EXCHANGE.c.started_at)
Index("exchange_of_organisation", EXCHANGE.c.organisation_id, EXCHANGE.c.id)
IN_CONVERSATION = text("conversation_id IS NOT NULL")
Index(
    "exchange_of_conversation",
    EXCHANGE.c.conversation_id,
    EXCHANGE.c.turn,
    EXCHANGE.c.id,
    sqlite_where=IN_CONVERSATION,
    postgresql_where=IN_CONVERSATION,
)
FAILED = text("outcome <> 'ok'")
Index("exchange_failed", EXCHANGE.c.id, sqlite_where=FAILED, postgresql_where=FAILED)
Index(
    "exchange_failed_of_organisation",
    EXCHANGE.c.organisation_id,
    EXCHANGE.c.id,
    sqlite_where=FAILED,
    postgresql_where=FAILED,
)

ATTEMPT = Table(
    "attempt",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("exchange_id", TEXT, ForeignKey("exchange.id", ondelete="CASCADE"), nullable=False),
    Column("number", Number, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("started_at", Seconds, nullable=False),
    Column("pause_s", Seconds, nullable=False, server_default=text("0")),
    Column("provider", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("credential", TEXT),
    Column("outcome", TEXT, nullable=False),
    Column("status", Number),
    Column("reason", TEXT),
    Column("request_id", TEXT),
    Column("answered_model", TEXT),
    *_metered(),
    **SQLITE,
)
Index("attempt_started_at", ATTEMPT.c.started_at)
Index("attempt_of_exchange", ATTEMPT.c.exchange_id, ATTEMPT.c.number, unique=True)

MESSAGE = Table(
    "message",
    METADATA,
    Column("exchange_id", TEXT, ForeignKey("exchange.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Number, primary_key=True, autoincrement=False),
    Column("direction", TEXT, CheckConstraint("direction IN ('in', 'out')"), nullable=False),
    Column("role", TEXT, nullable=False),
    Column("parts", TEXT, nullable=False),
    **SQLITE,
)

RESPONSE = Table(
    "response",
    METADATA,
    Column("gateway_key", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("provider", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("credential", Number),
    Column("expires_at", Seconds, nullable=False),
    Column("body", TEXT),
    Column("input", TEXT),
    Column("owed", Flag, nullable=False, server_default=text("0")),
    Column("organisation_id", TEXT, nullable=False, server_default="default"),
    Column("own", Flag, nullable=False, server_default=text("0")),
    Column("due_at", Seconds, nullable=False, server_default=text("0")),
    **SQLITE,
    sqlite_with_rowid=False,
)
Index("response_expires_at", RESPONSE.c.expires_at)
OWED = text("owed = 1")
Index("response_due", RESPONSE.c.due_at, sqlite_where=OWED, postgresql_where=OWED)
