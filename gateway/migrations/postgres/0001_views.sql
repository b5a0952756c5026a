-- What the facts become: the audit trail (primary, never rebuilt), the messages for screens, and how far each
-- consumer has come with each actor.

CREATE TABLE mark (
    consumer TEXT NOT NULL,
    actor TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    PRIMARY KEY (consumer, actor)
);

CREATE TABLE position (
    consumer TEXT PRIMARY KEY,
    log_offset BIGINT NOT NULL
);

CREATE TABLE audit (
    user_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    task_id TEXT,
    happened_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    hash TEXT NOT NULL,
    prev_hash TEXT,
    PRIMARY KEY (user_id, ordinal)
);
CREATE INDEX audit_user_time ON audit (user_id, happened_at);
CREATE INDEX audit_task ON audit (user_id, task_id) WHERE task_id IS NOT NULL;

CREATE TABLE message (
    user_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (user_id, ordinal)
);
CREATE UNIQUE INDEX message_event ON message (event_id);
CREATE INDEX message_age ON message (happened_at);

CREATE TABLE message_head (
    user_id TEXT PRIMARY KEY,
    ordinal BIGINT NOT NULL,
    list_sequence BIGINT NOT NULL
);

CREATE TABLE archived (
    user_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    body TEXT NOT NULL,
    archived_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, task_id)
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
EXECUTE FUNCTION audit_is_append_only();
