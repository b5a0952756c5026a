-- What users and the assistant have said: primary, written by the edge. A turn is a message with its answer.

CREATE TABLE conversation (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    title TEXT NOT NULL,
    -- Until when a turn is under way in it, by the clock on the wall; whoever took it has this very number.
    busy_until INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX conversation_user ON conversation (user_id, updated_at, id);
CREATE INDEX conversation_updated ON conversation (updated_at);

CREATE TABLE turn (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    message TEXT NOT NULL,
    calls TEXT NOT NULL,
    response TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    answered_at INTEGER,
    UNIQUE (conversation_id, ordinal)
);
