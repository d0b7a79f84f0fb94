"""The tables of a SQLite file, step by step. `PRAGMA user_version` counts the steps.

Made by scripts/generate_schema.py out of migrations/ and tables/; then run `make generate`. What
the tables mean is told in tables/.
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping

VERSION = 8

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
        "CREATE INDEX attempt_started_at ON attempt (started_at)",
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
    (
        """
        CREATE TABLE organisation (
            id TEXT NOT NULL,
            name TEXT NOT NULL,
            title TEXT NOT NULL,
            settings TEXT DEFAULT '{}' NOT NULL,
            quotas TEXT DEFAULT '{}' NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (id),
            UNIQUE (name)
        )
         STRICT
        """,
        """
        CREATE TABLE project (
            id TEXT NOT NULL,
            organisation_id TEXT NOT NULL,
            name TEXT NOT NULL,
            title TEXT NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT project_name UNIQUE (organisation_id, name),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE
        )
         STRICT
        """,
        """
        CREATE TABLE account (
            id TEXT NOT NULL,
            email TEXT NOT NULL,
            name TEXT NOT NULL,
            password TEXT,
            issuer TEXT,
            subject TEXT,
            operator INTEGER DEFAULT 0 NOT NULL,
            enabled INTEGER DEFAULT 1 NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT account_subject UNIQUE (issuer, subject),
            UNIQUE (email)
        )
         STRICT
        """,
        """
        CREATE TABLE member (
            organisation_id TEXT NOT NULL,
            account_id TEXT NOT NULL,
            role TEXT NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (organisation_id, account_id),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE,
            FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
        )
         STRICT
        """,
        "CREATE INDEX member_account ON member (account_id)",
        """
        CREATE TABLE invitation (
            id TEXT NOT NULL,
            organisation_id TEXT NOT NULL,
            digest TEXT NOT NULL,
            role TEXT NOT NULL,
            email TEXT,
            created_at REAL NOT NULL,
            created_by TEXT,
            expires_at REAL NOT NULL,
            accepted_at REAL,
            accepted_by TEXT,
            PRIMARY KEY (id),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE,
            UNIQUE (digest)
        )
         STRICT
        """,
        """
        CREATE TABLE session (
            id TEXT NOT NULL,
            digest TEXT NOT NULL,
            account_id TEXT NOT NULL,
            created_at REAL NOT NULL,
            used_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            address TEXT,
            agent TEXT,
            PRIMARY KEY (id),
            UNIQUE (digest),
            FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
        )
         STRICT
        """,
        "CREATE INDEX session_account ON session (account_id)",
        """
        CREATE TABLE api_token (
            id TEXT NOT NULL,
            account_id TEXT NOT NULL,
            name TEXT NOT NULL,
            prefix TEXT NOT NULL,
            digest TEXT NOT NULL,
            created_at REAL NOT NULL,
            expires_at REAL,
            used_at REAL,
            PRIMARY KEY (id),
            CONSTRAINT api_token_name UNIQUE (account_id, name),
            FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
            UNIQUE (digest)
        )
         STRICT
        """,
        """
        CREATE TABLE sign_in_failure (
            digest TEXT NOT NULL,
            count INTEGER NOT NULL,
            since REAL NOT NULL,
            PRIMARY KEY (digest)
        )
         STRICT
        """,
        """
        CREATE TABLE provider (
            organisation_id TEXT NOT NULL,
            name TEXT NOT NULL,
            definition TEXT,
            token TEXT,
            origin TEXT,
            egress TEXT DEFAULT 'organisation' NOT NULL,
            enabled INTEGER DEFAULT 1 NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (organisation_id, name),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE
        )
         STRICT
        """,
        """
        CREATE TABLE gateway_key (
            id TEXT NOT NULL,
            organisation_id TEXT NOT NULL,
            project_id TEXT,
            account_id TEXT,
            name TEXT NOT NULL,
            prefix TEXT NOT NULL,
            digest TEXT NOT NULL,
            rules TEXT DEFAULT '{}' NOT NULL,
            expires_at REAL,
            revoked_at REAL,
            used_at REAL,
            previous_digest TEXT,
            previous_prefix TEXT,
            previous_until REAL,
            created_by TEXT,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (id),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE,
            FOREIGN KEY(project_id) REFERENCES project (id) ON DELETE CASCADE,
            FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
            UNIQUE (digest),
            UNIQUE (previous_digest)
        )
         STRICT
        """,
        "CREATE INDEX gateway_key_of_organisation ON gateway_key (organisation_id, id)",
        "CREATE UNIQUE INDEX gateway_key_name ON gateway_key (organisation_id, name) WHERE revoked_at IS NULL",
        """
        CREATE TABLE route (
            organisation_id TEXT NOT NULL,
            name TEXT NOT NULL,
            definition TEXT DEFAULT '{}' NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (organisation_id, name),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE
        )
         STRICT
        """,
        """
        CREATE TABLE guardrail (
            organisation_id TEXT NOT NULL,
            name TEXT NOT NULL,
            position INTEGER DEFAULT 0 NOT NULL,
            definition TEXT DEFAULT '{}' NOT NULL,
            mode TEXT DEFAULT 'enforce' NOT NULL,
            enabled INTEGER DEFAULT 1 NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (organisation_id, name),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE
        )
         STRICT
        """,
        """
        CREATE TABLE webhook (
            organisation_id TEXT NOT NULL,
            name TEXT NOT NULL,
            url TEXT NOT NULL,
            secret TEXT,
            events TEXT DEFAULT '[]' NOT NULL,
            enabled INTEGER DEFAULT 1 NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (organisation_id, name),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE
        )
         STRICT
        """,
        """
        CREATE TABLE audit (
            id TEXT NOT NULL,
            at REAL NOT NULL,
            organisation_id TEXT,
            actor TEXT NOT NULL,
            address TEXT,
            action TEXT NOT NULL,
            kind TEXT NOT NULL,
            object TEXT NOT NULL,
            difference TEXT DEFAULT '{}' NOT NULL,
            PRIMARY KEY (id)
        )
         STRICT
        """,
        "CREATE INDEX audit_of_organisation ON audit (organisation_id, id)",
        """
        CREATE TABLE setting (
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (name)
        )
         STRICT
        """,
        """
        CREATE TABLE revision (
            id INTEGER NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (id)
        )
         STRICT
        """,
        "INSERT INTO organisation (id, name, title, created_at, updated_at) VALUES ('default', 'default', 'Default', 0, 0)",
        "INSERT INTO revision (id, number) VALUES (1, 1)",
    ),
    (
        """
        CREATE TABLE allowance (
            id TEXT NOT NULL,
            organisation_id TEXT NOT NULL,
            name TEXT NOT NULL,
            subject_kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            measure TEXT NOT NULL,
            period TEXT NOT NULL,
            amount INTEGER NOT NULL,
            mode TEXT DEFAULT 'strict' NOT NULL,
            unknown TEXT DEFAULT 'allow' NOT NULL,
            assumed_nanousd INTEGER,
            operator INTEGER DEFAULT 0 NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (id),
            FOREIGN KEY(organisation_id) REFERENCES organisation (id) ON DELETE CASCADE
        )
         STRICT
        """,
        "CREATE UNIQUE INDEX allowance_name ON allowance (organisation_id, name)",
        """
        CREATE TABLE consumption (
            allowance_id TEXT NOT NULL,
            subject TEXT NOT NULL,
            since REAL NOT NULL,
            amount INTEGER DEFAULT 0 NOT NULL,
            earlier INTEGER DEFAULT 0 NOT NULL,
            PRIMARY KEY (allowance_id, subject, since)
        )
         STRICT
        """,
        """
        CREATE TABLE alert (
            allowance_id TEXT NOT NULL,
            subject TEXT NOT NULL,
            since REAL NOT NULL,
            percent INTEGER NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (allowance_id, subject, since, percent)
        )
         STRICT
        """,
        """
        CREATE TABLE outage (
            organisation_id TEXT NOT NULL,
            provider TEXT NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (organisation_id, provider)
        )
         STRICT
        """,
        """
        CREATE TABLE delivery (
            id TEXT NOT NULL,
            organisation_id TEXT NOT NULL,
            webhook TEXT NOT NULL,
            event TEXT NOT NULL,
            at REAL NOT NULL,
            body TEXT NOT NULL,
            state TEXT DEFAULT 'waiting' NOT NULL,
            tries INTEGER DEFAULT 0 NOT NULL,
            due_at REAL NOT NULL,
            holder TEXT,
            until REAL DEFAULT 0 NOT NULL,
            tried_at REAL,
            status INTEGER,
            reason TEXT,
            PRIMARY KEY (id)
        )
         STRICT
        """,
        "CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting'",
        "CREATE INDEX delivery_of_organisation ON delivery (organisation_id, id)",
        "ALTER TABLE exchange ADD COLUMN organisation_id TEXT DEFAULT 'default' NOT NULL",
        "ALTER TABLE exchange ADD COLUMN project_id TEXT",
        "ALTER TABLE exchange ADD COLUMN account_id TEXT",
        "ALTER TABLE exchange ADD COLUMN key_id TEXT",
        "ALTER TABLE exchange ADD COLUMN tag TEXT",
        "CREATE INDEX exchange_of_organisation ON exchange (organisation_id, id)",
        "CREATE INDEX exchange_failed_of_organisation ON exchange (organisation_id, id) WHERE outcome <> 'ok'",
        """
        CREATE TABLE hourly (
            organisation_id TEXT NOT NULL,
            level TEXT NOT NULL,
            hour INTEGER NOT NULL,
            tag TEXT NOT NULL,
            project_id TEXT NOT NULL,
            account_id TEXT NOT NULL,
            key_id TEXT NOT NULL,
            gateway_key TEXT NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            requests INTEGER DEFAULT 0 NOT NULL,
            failed INTEGER DEFAULT 0 NOT NULL,
            stopped INTEGER DEFAULT 0 NOT NULL,
            duration_ms INTEGER DEFAULT 0 NOT NULL,
            attempts INTEGER DEFAULT 0 NOT NULL,
            failed_attempts INTEGER DEFAULT 0 NOT NULL,
            prompt_tokens INTEGER DEFAULT 0 NOT NULL,
            completion_tokens INTEGER DEFAULT 0 NOT NULL,
            cache_read_tokens INTEGER DEFAULT 0 NOT NULL,
            cache_write_tokens INTEGER DEFAULT 0 NOT NULL,
            reasoning_tokens INTEGER DEFAULT 0 NOT NULL,
            cost_nanousd INTEGER DEFAULT 0 NOT NULL,
            priced INTEGER DEFAULT 0 NOT NULL,
            demo_nanousd INTEGER DEFAULT 0 NOT NULL,
            unknown INTEGER DEFAULT 0 NOT NULL,
            estimated INTEGER DEFAULT 0 NOT NULL,
            unmetered INTEGER DEFAULT 0 NOT NULL,
            fallbacks INTEGER DEFAULT 0 NOT NULL,
            PRIMARY KEY (organisation_id, level, hour, tag, project_id, account_id, key_id, gateway_key, provider, model)
        )
         WITHOUT ROWID,
         STRICT
        """,
        "CREATE INDEX hourly_hour ON hourly (hour)",
        """
        CREATE TABLE latency (
            organisation_id TEXT NOT NULL,
            level TEXT NOT NULL,
            hour INTEGER NOT NULL,
            tag TEXT NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            took_0 INTEGER DEFAULT 0 NOT NULL,
            took_1 INTEGER DEFAULT 0 NOT NULL,
            took_2 INTEGER DEFAULT 0 NOT NULL,
            took_3 INTEGER DEFAULT 0 NOT NULL,
            took_4 INTEGER DEFAULT 0 NOT NULL,
            took_5 INTEGER DEFAULT 0 NOT NULL,
            took_6 INTEGER DEFAULT 0 NOT NULL,
            took_7 INTEGER DEFAULT 0 NOT NULL,
            took_8 INTEGER DEFAULT 0 NOT NULL,
            took_9 INTEGER DEFAULT 0 NOT NULL,
            took_10 INTEGER DEFAULT 0 NOT NULL,
            took_11 INTEGER DEFAULT 0 NOT NULL,
            took_12 INTEGER DEFAULT 0 NOT NULL,
            took_13 INTEGER DEFAULT 0 NOT NULL,
            took_14 INTEGER DEFAULT 0 NOT NULL,
            took_15 INTEGER DEFAULT 0 NOT NULL,
            first_0 INTEGER DEFAULT 0 NOT NULL,
            first_1 INTEGER DEFAULT 0 NOT NULL,
            first_2 INTEGER DEFAULT 0 NOT NULL,
            first_3 INTEGER DEFAULT 0 NOT NULL,
            first_4 INTEGER DEFAULT 0 NOT NULL,
            first_5 INTEGER DEFAULT 0 NOT NULL,
            first_6 INTEGER DEFAULT 0 NOT NULL,
            first_7 INTEGER DEFAULT 0 NOT NULL,
            first_8 INTEGER DEFAULT 0 NOT NULL,
            first_9 INTEGER DEFAULT 0 NOT NULL,
            first_10 INTEGER DEFAULT 0 NOT NULL,
            first_11 INTEGER DEFAULT 0 NOT NULL,
            first_12 INTEGER DEFAULT 0 NOT NULL,
            first_13 INTEGER DEFAULT 0 NOT NULL,
            first_14 INTEGER DEFAULT 0 NOT NULL,
            first_15 INTEGER DEFAULT 0 NOT NULL,
            PRIMARY KEY (organisation_id, level, hour, tag, provider, model)
        )
         WITHOUT ROWID,
         STRICT
        """,
        "CREATE INDEX latency_hour ON latency (hour)",
        """
        CREATE TABLE content (
            exchange_id TEXT NOT NULL,
            organisation_id TEXT NOT NULL,
            at REAL NOT NULL,
            mode TEXT NOT NULL,
            request TEXT NOT NULL,
            response TEXT NOT NULL,
            PRIMARY KEY (exchange_id)
        )
         STRICT
        """,
        "CREATE INDEX content_of_organisation ON content (organisation_id, at)",
        """
        CREATE TABLE idempotency (
            organisation_id TEXT NOT NULL,
            gateway_key TEXT NOT NULL,
            value TEXT NOT NULL,
            digest TEXT NOT NULL,
            holder TEXT NOT NULL,
            until REAL NOT NULL,
            answer TEXT,
            PRIMARY KEY (organisation_id, gateway_key, value)
        )
         STRICT
        """,
        "CREATE INDEX idempotency_until ON idempotency (until)",
    ),
    ("ALTER TABLE response ADD COLUMN owed INTEGER DEFAULT 0 NOT NULL",),
    (
        "ALTER TABLE response ADD COLUMN organisation_id TEXT DEFAULT 'default' NOT NULL",
        "ALTER TABLE response ADD COLUMN own INTEGER DEFAULT 0 NOT NULL",
        "ALTER TABLE response ADD COLUMN due_at REAL DEFAULT 0 NOT NULL",
        "UPDATE response SET organisation_id = (SELECT organisation_id FROM gateway_key WHERE id = response.gateway_key) WHERE gateway_key IN (SELECT id FROM gateway_key)",
        "UPDATE response SET own = 1 WHERE EXISTS (SELECT 1 FROM provider WHERE provider.organisation_id = response.organisation_id AND name = response.provider)",
        "CREATE INDEX response_due ON response (due_at) WHERE owed = 1",
    ),
)
"""The statements that lead from each version to the next."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "account": (
        "id",
        "email",
        "name",
        "password",
        "issuer",
        "subject",
        "operator",
        "enabled",
        "created_at",
        "updated_at",
        "version",
    ),
    "alert": (
        "allowance_id",
        "subject",
        "since",
        "percent",
        "at",
    ),
    "audit": (
        "id",
        "at",
        "organisation_id",
        "actor",
        "address",
        "action",
        "kind",
        "object",
        "difference",
    ),
    "consumption": (
        "allowance_id",
        "subject",
        "since",
        "amount",
        "earlier",
    ),
    "content": (
        "exchange_id",
        "organisation_id",
        "at",
        "mode",
        "request",
        "response",
    ),
    "conversation": (
        "id",
        "started_at",
        "source",
        "settings",
    ),
    "delivery": (
        "id",
        "organisation_id",
        "webhook",
        "event",
        "at",
        "body",
        "state",
        "tries",
        "due_at",
        "holder",
        "until",
        "tried_at",
        "status",
        "reason",
    ),
    "hourly": (
        "organisation_id",
        "level",
        "hour",
        "tag",
        "project_id",
        "account_id",
        "key_id",
        "gateway_key",
        "provider",
        "model",
        "requests",
        "failed",
        "stopped",
        "duration_ms",
        "attempts",
        "failed_attempts",
        "prompt_tokens",
        "completion_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cost_nanousd",
        "priced",
        "demo_nanousd",
        "unknown",
        "estimated",
        "unmetered",
        "fallbacks",
    ),
    "idempotency": (
        "organisation_id",
        "gateway_key",
        "value",
        "digest",
        "holder",
        "until",
        "answer",
    ),
    "latency": (
        "organisation_id",
        "level",
        "hour",
        "tag",
        "provider",
        "model",
        "took_0",
        "took_1",
        "took_2",
        "took_3",
        "took_4",
        "took_5",
        "took_6",
        "took_7",
        "took_8",
        "took_9",
        "took_10",
        "took_11",
        "took_12",
        "took_13",
        "took_14",
        "took_15",
        "first_0",
        "first_1",
        "first_2",
        "first_3",
        "first_4",
        "first_5",
        "first_6",
        "first_7",
        "first_8",
        "first_9",
        "first_10",
        "first_11",
        "first_12",
        "first_13",
        "first_14",
        "first_15",
    ),
    "organisation": (
        "id",
        "name",
        "title",
        "settings",
        "quotas",
        "created_at",
        "updated_at",
        "version",
    ),
    "outage": (
        "organisation_id",
        "provider",
        "at",
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
        "owed",
        "organisation_id",
        "own",
        "due_at",
    ),
    "revision": (
        "id",
        "number",
    ),
    "setting": (
        "name",
        "value",
        "created_at",
        "updated_at",
        "version",
    ),
    "sign_in_failure": (
        "digest",
        "count",
        "since",
    ),
    "allowance": (
        "id",
        "organisation_id",
        "name",
        "subject_kind",
        "subject",
        "measure",
        "period",
        "amount",
        "mode",
        "unknown",
        "assumed_nanousd",
        "operator",
        "created_at",
        "updated_at",
        "version",
    ),
    "api_token": (
        "id",
        "account_id",
        "name",
        "prefix",
        "digest",
        "created_at",
        "expires_at",
        "used_at",
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
        "organisation_id",
        "project_id",
        "account_id",
        "key_id",
        "tag",
    ),
    "guardrail": (
        "organisation_id",
        "name",
        "position",
        "definition",
        "mode",
        "enabled",
        "created_at",
        "updated_at",
        "version",
    ),
    "invitation": (
        "id",
        "organisation_id",
        "digest",
        "role",
        "email",
        "created_at",
        "created_by",
        "expires_at",
        "accepted_at",
        "accepted_by",
    ),
    "member": (
        "organisation_id",
        "account_id",
        "role",
        "created_at",
        "updated_at",
        "version",
    ),
    "project": (
        "id",
        "organisation_id",
        "name",
        "title",
        "created_at",
        "updated_at",
        "version",
    ),
    "provider": (
        "organisation_id",
        "name",
        "definition",
        "token",
        "origin",
        "egress",
        "enabled",
        "created_at",
        "updated_at",
        "version",
    ),
    "route": (
        "organisation_id",
        "name",
        "definition",
        "created_at",
        "updated_at",
        "version",
    ),
    "session": (
        "id",
        "digest",
        "account_id",
        "created_at",
        "used_at",
        "expires_at",
        "address",
        "agent",
    ),
    "webhook": (
        "organisation_id",
        "name",
        "url",
        "secret",
        "events",
        "enabled",
        "created_at",
        "updated_at",
        "version",
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
    "gateway_key": (
        "id",
        "organisation_id",
        "project_id",
        "account_id",
        "name",
        "prefix",
        "digest",
        "rules",
        "expires_at",
        "revoked_at",
        "used_at",
        "previous_digest",
        "previous_prefix",
        "previous_until",
        "created_by",
        "created_at",
        "updated_at",
        "version",
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
