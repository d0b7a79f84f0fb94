"""The tables of a SQLite file, step by step. `PRAGMA user_version` counts the steps.

Made by scripts/generate_schema.py out of migrations/ and tables.py; then run `make generate`. What
the tables mean is told in tables.py.
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping

VERSION = 4

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE exchange (
            id TEXT NOT NULL,
            started_at REAL NOT NULL,
            source TEXT NOT NULL,
            asked TEXT NOT NULL,
            route TEXT,
            stream INTEGER DEFAULT 0 NOT NULL,
            provider TEXT,
            model TEXT,
            outcome TEXT NOT NULL,
            attempt_count INTEGER DEFAULT 0 NOT NULL,
            warnings TEXT,
            finish_reason TEXT,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            cache_read_tokens INTEGER,
            cache_write_tokens INTEGER,
            cache_write_1h_tokens INTEGER,
            reasoning_tokens INTEGER,
            usage_estimated INTEGER DEFAULT 0 NOT NULL,
            cost_nanousd INTEGER,
            cost_source TEXT DEFAULT 'unknown' NOT NULL,
            error TEXT,
            first_token_s REAL,
            duration_s REAL DEFAULT 0 NOT NULL,
            PRIMARY KEY (id)
        )
         STRICT
        """,
        "CREATE INDEX exchange_started_at ON exchange (started_at)",
        """
        CREATE TABLE attempt (
            id TEXT NOT NULL,
            exchange_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            kind TEXT NOT NULL,
            started_at REAL NOT NULL,
            pause_s REAL DEFAULT 0 NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            credential TEXT,
            outcome TEXT NOT NULL,
            status INTEGER,
            reason TEXT,
            request_id TEXT,
            answered_model TEXT,
            finish_reason TEXT,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            cache_read_tokens INTEGER,
            cache_write_tokens INTEGER,
            cache_write_1h_tokens INTEGER,
            reasoning_tokens INTEGER,
            usage_estimated INTEGER DEFAULT 0 NOT NULL,
            cost_nanousd INTEGER,
            cost_source TEXT DEFAULT 'unknown' NOT NULL,
            error TEXT,
            first_token_s REAL,
            duration_s REAL DEFAULT 0 NOT NULL,
            PRIMARY KEY (id),
            FOREIGN KEY(exchange_id) REFERENCES exchange (id) ON DELETE CASCADE
        )
         STRICT
        """,
        "CREATE UNIQUE INDEX attempt_of_exchange ON attempt (exchange_id, number)",
        """
        CREATE TABLE message (
            exchange_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
            role TEXT NOT NULL,
            parts TEXT NOT NULL,
            PRIMARY KEY (exchange_id, position),
            FOREIGN KEY(exchange_id) REFERENCES exchange (id) ON DELETE CASCADE
        )
         STRICT
        """,
    ),
    (
        """
        CREATE TABLE conversation (
            id TEXT NOT NULL,
            started_at REAL NOT NULL,
            source TEXT NOT NULL,
            settings TEXT DEFAULT '{}' NOT NULL,
            PRIMARY KEY (id)
        )
         STRICT
        """,
        "ALTER TABLE exchange ADD COLUMN conversation_id TEXT REFERENCES conversation (id) ON DELETE SET NULL",
        "ALTER TABLE exchange ADD COLUMN turn INTEGER",
        "INSERT INTO conversation (id, started_at, source, settings) SELECT 'con_' || substr(id, instr(id, '_') + 1), started_at, source, CASE WHEN instr(asked, ', ') > 0 THEN '{}' ELSE json_object('refs', json_array(asked)) END FROM exchange WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id)",
        "UPDATE exchange SET conversation_id = 'con_' || substr(id, instr(id, '_') + 1), turn = 1 WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id)",
        "CREATE INDEX exchange_of_conversation ON exchange (conversation_id, turn, id) WHERE conversation_id IS NOT NULL",
        "CREATE INDEX exchange_failed ON exchange (id) WHERE outcome <> 'ok'",
        "CREATE INDEX attempt_usage ON attempt (provider, model, started_at, credential, outcome, cost_source, cost_nanousd, prompt_tokens, completion_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_estimated)",
    ),
    (
        "ALTER TABLE exchange ADD COLUMN endpoint TEXT",
        "ALTER TABLE exchange ADD COLUMN gateway_key TEXT",
        "ALTER TABLE exchange ADD COLUMN status INTEGER",
        "ALTER TABLE exchange ADD COLUMN overhead_s REAL",
    ),
    (
        """
        CREATE TABLE response (
            gateway_key TEXT NOT NULL,
            id TEXT NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            credential INTEGER,
            expires_at REAL NOT NULL,
            body TEXT,
            input TEXT,
            PRIMARY KEY (gateway_key, id)
        )
         WITHOUT ROWID,
         STRICT
        """,
        "CREATE INDEX response_expires_at ON response (expires_at)",
    ),
)
"""The statements that lead from each version to the next."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "conversation": (
        "id",
        "started_at",
        "source",
        "settings",
    ),
    "response": (
        "gateway_key",
        "id",
        "provider",
        "model",
        "credential",
        "expires_at",
        "body",
        "input",
    ),
    "exchange": (
        "id",
        "started_at",
        "source",
        "asked",
        "route",
        "stream",
        "provider",
        "model",
        "outcome",
        "attempt_count",
        "warnings",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "reasoning_tokens",
        "usage_estimated",
        "cost_nanousd",
        "cost_source",
        "error",
        "first_token_s",
        "duration_s",
        "conversation_id",
        "turn",
        "endpoint",
        "gateway_key",
        "status",
        "overhead_s",
    ),
    "attempt": (
        "id",
        "exchange_id",
        "number",
        "kind",
        "started_at",
        "pause_s",
        "provider",
        "model",
        "credential",
        "outcome",
        "status",
        "reason",
        "request_id",
        "answered_model",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "reasoning_tokens",
        "usage_estimated",
        "cost_nanousd",
        "cost_source",
        "error",
        "first_token_s",
        "duration_s",
    ),
    "message": (
        "exchange_id",
        "position",
        "direction",
        "role",
        "parts",
    ),
}
"""Each table with its columns; what a table refers to comes before it."""
