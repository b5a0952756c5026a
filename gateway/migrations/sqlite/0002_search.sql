-- What can be found: every task as it last was, and its words.

CREATE TABLE task_search (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    deleted_at INTEGER,
    body TEXT NOT NULL,
    UNIQUE (user_id, task_id)
);
CREATE INDEX task_search_deleted ON task_search (deleted_at) WHERE deleted_at IS NOT NULL;

-- The words come folded and in ASCII; the first of each row is its owner.
CREATE VIRTUAL TABLE task_words USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, prefix = '1 2 3', tokenize = 'ascii'
);
