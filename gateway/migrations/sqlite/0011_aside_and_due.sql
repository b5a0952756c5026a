-- What the views could not take, set aside until somebody has decided over it; and when what rings next, for the patrol.

CREATE TABLE dead_letter (
    id TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    event BLOB NOT NULL,
    error TEXT NOT NULL,
    status TEXT NOT NULL,
    came_at INTEGER NOT NULL,
    decided_at INTEGER
);
CREATE INDEX dead_letter_came ON dead_letter (came_at);

CREATE TABLE due_moment (
    subject TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    user_id TEXT NOT NULL,
    due_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX due_moment_due ON due_moment (actor, due_at);
CREATE INDEX due_moment_user ON due_moment (user_id, actor);

-- Endpoints that somebody calls just now: no other process calls them meanwhile.
CREATE INDEX delivery_begun ON delivery (endpoint) WHERE status = 'pending' AND claimed = 1;
