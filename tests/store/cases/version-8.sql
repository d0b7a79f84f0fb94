-- A file of version 8, as dragoman made it.

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
         STRICT;

CREATE INDEX exchange_started_at ON exchange (started_at);

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
         STRICT;

CREATE UNIQUE INDEX attempt_of_exchange ON attempt (exchange_id, number);

CREATE TABLE message (
            exchange_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
            role TEXT NOT NULL,
            parts TEXT NOT NULL,
            PRIMARY KEY (exchange_id, position),
            FOREIGN KEY(exchange_id) REFERENCES exchange (id) ON DELETE CASCADE
        )
         STRICT;

CREATE TABLE conversation (
            id TEXT NOT NULL,
            started_at REAL NOT NULL,
            source TEXT NOT NULL,
            settings TEXT DEFAULT '{}' NOT NULL,
            PRIMARY KEY (id)
        )
         STRICT;

ALTER TABLE exchange ADD COLUMN conversation_id TEXT REFERENCES conversation (id) ON DELETE SET NULL;

ALTER TABLE exchange ADD COLUMN turn INTEGER;

INSERT INTO conversation (id, started_at, source, settings) SELECT 'con_' || substr(id, instr(id, '_') + 1), started_at, source, CASE WHEN instr(asked, ', ') > 0 THEN '{}' ELSE json_object('refs', json_array(asked)) END FROM exchange WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id);

UPDATE exchange SET conversation_id = 'con_' || substr(id, instr(id, '_') + 1), turn = 1 WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id);

CREATE INDEX exchange_of_conversation ON exchange (conversation_id, turn, id) WHERE conversation_id IS NOT NULL;

CREATE INDEX exchange_failed ON exchange (id) WHERE outcome <> 'ok';

CREATE INDEX attempt_started_at ON attempt (started_at);

ALTER TABLE exchange ADD COLUMN endpoint TEXT;

ALTER TABLE exchange ADD COLUMN gateway_key TEXT;

ALTER TABLE exchange ADD COLUMN status INTEGER;

ALTER TABLE exchange ADD COLUMN overhead_s REAL;

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
         STRICT;

CREATE INDEX response_expires_at ON response (expires_at);

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
         STRICT;

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
         STRICT;

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
         STRICT;

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
         STRICT;

CREATE INDEX member_account ON member (account_id);

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
         STRICT;

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
         STRICT;

CREATE INDEX session_account ON session (account_id);

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
         STRICT;

CREATE TABLE sign_in_failure (
            digest TEXT NOT NULL,
            count INTEGER NOT NULL,
            since REAL NOT NULL,
            PRIMARY KEY (digest)
        )
         STRICT;

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
         STRICT;

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
         STRICT;

CREATE INDEX gateway_key_of_organisation ON gateway_key (organisation_id, id);

CREATE UNIQUE INDEX gateway_key_name ON gateway_key (organisation_id, name) WHERE revoked_at IS NULL;

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
         STRICT;

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
         STRICT;

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
         STRICT;

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
         STRICT;

CREATE INDEX audit_of_organisation ON audit (organisation_id, id);

CREATE TABLE setting (
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            version INTEGER DEFAULT 1 NOT NULL,
            PRIMARY KEY (name)
        )
         STRICT;

CREATE TABLE revision (
            id INTEGER NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (id)
        )
         STRICT;

INSERT INTO organisation (id, name, title, created_at, updated_at) VALUES ('default', 'default', 'Default', 0, 0);

INSERT INTO revision (id, number) VALUES (1, 1);

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
         STRICT;

CREATE UNIQUE INDEX allowance_name ON allowance (organisation_id, name);

CREATE TABLE consumption (
            allowance_id TEXT NOT NULL,
            subject TEXT NOT NULL,
            since REAL NOT NULL,
            amount INTEGER DEFAULT 0 NOT NULL,
            earlier INTEGER DEFAULT 0 NOT NULL,
            PRIMARY KEY (allowance_id, subject, since)
        )
         STRICT;

CREATE TABLE alert (
            allowance_id TEXT NOT NULL,
            subject TEXT NOT NULL,
            since REAL NOT NULL,
            percent INTEGER NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (allowance_id, subject, since, percent)
        )
         STRICT;

CREATE TABLE outage (
            organisation_id TEXT NOT NULL,
            provider TEXT NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (organisation_id, provider)
        )
         STRICT;

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
         STRICT;

CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting';

CREATE INDEX delivery_of_organisation ON delivery (organisation_id, id);

ALTER TABLE exchange ADD COLUMN organisation_id TEXT DEFAULT 'default' NOT NULL;

ALTER TABLE exchange ADD COLUMN project_id TEXT;

ALTER TABLE exchange ADD COLUMN account_id TEXT;

ALTER TABLE exchange ADD COLUMN key_id TEXT;

ALTER TABLE exchange ADD COLUMN tag TEXT;

CREATE INDEX exchange_of_organisation ON exchange (organisation_id, id);

CREATE INDEX exchange_failed_of_organisation ON exchange (organisation_id, id) WHERE outcome <> 'ok';

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
         STRICT;

CREATE INDEX hourly_hour ON hourly (hour);

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
         STRICT;

CREATE INDEX latency_hour ON latency (hour);

CREATE TABLE content (
            exchange_id TEXT NOT NULL,
            organisation_id TEXT NOT NULL,
            at REAL NOT NULL,
            mode TEXT NOT NULL,
            request TEXT NOT NULL,
            response TEXT NOT NULL,
            PRIMARY KEY (exchange_id)
        )
         STRICT;

CREATE INDEX content_of_organisation ON content (organisation_id, at);

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
         STRICT;

CREATE INDEX idempotency_until ON idempotency (until);

ALTER TABLE response ADD COLUMN owed INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE response ADD COLUMN organisation_id TEXT DEFAULT 'default' NOT NULL;

ALTER TABLE response ADD COLUMN own INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE response ADD COLUMN due_at REAL DEFAULT 0 NOT NULL;

CREATE INDEX response_due ON response (due_at) WHERE owed = 1;

PRAGMA user_version = 8;
