-- When a row was last written, rising with each of a user's: what changed since can be asked for.
ALTER TABLE task_search ADD COLUMN stamp BIGINT NOT NULL DEFAULT 0;
CREATE INDEX task_search_stamp ON task_search (user_id, stamp);
