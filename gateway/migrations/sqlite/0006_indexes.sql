-- Indexes that nothing asks: an event is told apart by its id in the trail, from which its entry's id follows.

DROP INDEX message_event;

CREATE TABLE audit_narrow (
    user_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    id TEXT NOT NULL,
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
INSERT INTO audit_narrow SELECT user_id, ordinal, id, event_id, event_type, task_id, happened_at, payload, created_at,
    hash, prev_hash FROM audit;
DROP TABLE audit;
ALTER TABLE audit_narrow RENAME TO audit;
CREATE INDEX audit_user_time ON audit (user_id, happened_at);
CREATE INDEX audit_task ON audit (user_id, task_id) WHERE task_id IS NOT NULL;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
