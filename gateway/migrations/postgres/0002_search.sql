-- What can be found: every task as it last was, and its words. The words come folded and in ASCII; one of each row is
-- its owner.

CREATE TABLE task_search (
    user_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    deleted_at BIGINT,
    body TEXT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (user_id, task_id)
);
CREATE INDEX task_search_words ON task_search USING gin (words) WITH (fastupdate = off);
CREATE INDEX task_search_deleted ON task_search (deleted_at) WHERE deleted_at IS NOT NULL;
