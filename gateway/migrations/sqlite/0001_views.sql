-- What the facts become: the audit trail (primary, never rebuilt), the messages for screens, and how far each
-- consumer has come with each actor.

CREATE TABLE mark (
    consumer TEXT NOT NULL,
    actor TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (consumer, actor)
) WITHOUT ROWID;

CREATE TABLE position (
    consumer TEXT PRIMARY KEY,
    log_offset INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit (
    user_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    task_id TEXT,
    happened_at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    hash TEXT NOT NULL,
    prev_hash TEXT,
    PRIMARY KEY (user_id, ordinal)
);
CREATE INDEX audit_user_time ON audit (user_id, happened_at);
CREATE INDEX audit_task ON audit (user_id, task_id) WHERE task_id IS NOT NULL;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TABLE message (
    user_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (user_id, ordinal)
);
CREATE UNIQUE INDEX message_event ON message (event_id);
CREATE INDEX message_age ON message (happened_at);

CREATE TABLE message_head (
    user_id TEXT PRIMARY KEY,
    ordinal INTEGER NOT NULL,
    list_sequence INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE archived (
    user_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    archived_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, task_id)
);
