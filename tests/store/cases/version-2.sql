-- A file of version 2, as dragoman made it.

CREATE TABLE exchange (
    id            TEXT PRIMARY KEY,
    started_at    REAL NOT NULL,
    source        TEXT NOT NULL,
    asked         TEXT NOT NULL,
    route         TEXT,
    stream        INTEGER NOT NULL DEFAULT 0,
    provider      TEXT,
    model         TEXT,
    outcome       TEXT NOT NULL,
    attempt_count INTEGER NOT NULL DEFAULT 0,
    warnings      TEXT,

finish_reason         TEXT,
prompt_tokens         INTEGER,
completion_tokens     INTEGER,
cache_read_tokens     INTEGER,
cache_write_tokens    INTEGER,
cache_write_1h_tokens INTEGER,
reasoning_tokens      INTEGER,
usage_estimated       INTEGER NOT NULL DEFAULT 0,
cost_nanousd          INTEGER,
cost_source           TEXT NOT NULL DEFAULT 'unknown',
error                 TEXT,
first_token_s         REAL,
duration_s            REAL NOT NULL DEFAULT 0

) STRICT;

CREATE INDEX exchange_started_at ON exchange (started_at);

CREATE TABLE attempt (
    id             TEXT PRIMARY KEY,
    exchange_id    TEXT NOT NULL REFERENCES exchange (id) ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    started_at     REAL NOT NULL,
    pause_s        REAL NOT NULL DEFAULT 0,
    provider       TEXT NOT NULL,
    model          TEXT NOT NULL,
    credential     TEXT,
    outcome        TEXT NOT NULL,
    status         INTEGER,
    reason         TEXT,
    request_id     TEXT,
    answered_model TEXT,

finish_reason         TEXT,
prompt_tokens         INTEGER,
completion_tokens     INTEGER,
cache_read_tokens     INTEGER,
cache_write_tokens    INTEGER,
cache_write_1h_tokens INTEGER,
reasoning_tokens      INTEGER,
usage_estimated       INTEGER NOT NULL DEFAULT 0,
cost_nanousd          INTEGER,
cost_source           TEXT NOT NULL DEFAULT 'unknown',
error                 TEXT,
first_token_s         REAL,
duration_s            REAL NOT NULL DEFAULT 0

) STRICT;

CREATE UNIQUE INDEX attempt_of_exchange ON attempt (exchange_id, number);

CREATE TABLE message (
    exchange_id TEXT NOT NULL REFERENCES exchange (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    direction   TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    role        TEXT NOT NULL,
    parts       TEXT NOT NULL,
    PRIMARY KEY (exchange_id, position)
) STRICT;

CREATE TABLE conversation (
    id         TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    source     TEXT NOT NULL,
    settings   TEXT NOT NULL DEFAULT '{}'
) STRICT;

ALTER TABLE exchange
ADD COLUMN conversation_id TEXT REFERENCES conversation (id) ON DELETE SET NULL;

ALTER TABLE exchange ADD COLUMN turn INTEGER;

INSERT INTO conversation (id, started_at, source, settings)
SELECT 'con_' || substr(id, instr(id, '_') + 1), started_at, source,
       CASE WHEN instr(asked, ', ') THEN '{}'
            ELSE json_object('refs', json_array(asked)) END
FROM exchange
WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id);

UPDATE exchange
SET conversation_id = 'con_' || substr(id, instr(id, '_') + 1), turn = 1
WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id);

CREATE INDEX exchange_of_conversation ON exchange (conversation_id, turn, id)
WHERE conversation_id IS NOT NULL;

CREATE INDEX exchange_failed ON exchange (id) WHERE outcome <> 'ok';

CREATE INDEX attempt_started_at ON attempt (started_at);

PRAGMA user_version = 2;
