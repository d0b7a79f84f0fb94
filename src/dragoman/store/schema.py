"""The tables. `PRAGMA user_version` says which version of them a file has.

Ids sort by time. Times are Unix seconds (UTC) and durations seconds, as REAL; money is
nano-dollars, as INTEGER; NULL is unknown. `exchange` repeats the answering attempt's provider,
model, tokens and cost, so that a list needs one table.

A conversation is its exchanges by `turn`; each holds only what was new in it. A turn that was tried
again has several exchanges: the last one that was answered counts. `settings` is what its next turn
goes on with, as JSON.
"""

from __future__ import annotations

VERSION = 4

_TOKENS = """
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
"""
"""What an attempt and an exchange both have. `error` is the error's code."""

_EXCHANGES = (
    f"""
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
        {_TOKENS}
    ) STRICT
    """,
    "CREATE INDEX exchange_started_at ON exchange (started_at)",
    f"""
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
        {_TOKENS}
    ) STRICT
    """,
    "CREATE UNIQUE INDEX attempt_of_exchange ON attempt (exchange_id, number)",
    """
    CREATE TABLE message (
        exchange_id TEXT NOT NULL REFERENCES exchange (id) ON DELETE CASCADE,
        position    INTEGER NOT NULL,
        direction   TEXT NOT NULL CHECK (direction IN ('in', 'out')),
        role        TEXT NOT NULL,
        parts       TEXT NOT NULL,
        PRIMARY KEY (exchange_id, position)
    ) STRICT
    """,
)

_CONVERSATIONS = (
    """
    CREATE TABLE conversation (
        id         TEXT PRIMARY KEY,
        started_at REAL NOT NULL,
        source     TEXT NOT NULL,
        settings   TEXT NOT NULL DEFAULT '{}'
    ) STRICT
    """,
    """
    ALTER TABLE exchange
    ADD COLUMN conversation_id TEXT REFERENCES conversation (id) ON DELETE SET NULL
    """,
    "ALTER TABLE exchange ADD COLUMN turn INTEGER",
    # What was asked before there were conversations can be continued as well.
    """
    INSERT INTO conversation (id, started_at, source, settings)
    SELECT 'con_' || substr(id, instr(id, '_') + 1), started_at, source,
           CASE WHEN instr(asked, ', ') THEN '{}'
                ELSE json_object('refs', json_array(asked)) END
    FROM exchange
    WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id)
    """,
    """
    UPDATE exchange
    SET conversation_id = 'con_' || substr(id, instr(id, '_') + 1), turn = 1
    WHERE EXISTS (SELECT 1 FROM message WHERE exchange_id = exchange.id)
    """,
    """
    CREATE INDEX exchange_of_conversation ON exchange (conversation_id, turn, id)
    WHERE conversation_id IS NOT NULL
    """,
    "CREATE INDEX exchange_failed ON exchange (id) WHERE outcome <> 'ok'",
    # All that the usage is added up from, in the order of its groups: the table is not read, and
    # nothing is sorted.
    """
    CREATE INDEX attempt_usage ON attempt (
        provider, model, started_at, credential, outcome, cost_source, cost_nanousd,
        prompt_tokens, completion_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        usage_estimated
    )
    """,
)

_GATEWAY = (
    "ALTER TABLE exchange ADD COLUMN endpoint TEXT",
    "ALTER TABLE exchange ADD COLUMN gateway_key TEXT",
    "ALTER TABLE exchange ADD COLUMN status INTEGER",
    "ALTER TABLE exchange ADD COLUMN overhead_s REAL",
)
"""What an exchange through the gateway has besides: the path that was asked, the name of the key
that asked, what the client was told, and the part of `duration_s` that no provider took."""

_RESPONSES = (
    """
    CREATE TABLE response (
        gateway_key TEXT NOT NULL,
        id          TEXT NOT NULL,
        provider    TEXT NOT NULL,
        model       TEXT NOT NULL,
        credential  INTEGER,
        expires_at  REAL NOT NULL,
        body        TEXT,
        input       TEXT,
        PRIMARY KEY (gateway_key, id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX response_expires_at ON response (expires_at)",
)
"""Responses that can be continued, by the gateway key that asked ('' where none is needed): who
made them, and what was said where we keep it ourselves."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (_EXCHANGES, _CONVERSATIONS, _GATEWAY, _RESPONSES)
"""The statements that lead from each version to the next."""
