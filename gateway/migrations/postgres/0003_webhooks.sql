-- Whom a user has told to be told, and what is on its way to them: primary, never rebuilt, so that nothing is sent twice.

CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL,
    paused_reason TEXT,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_until BIGINT,
    failing_since BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhook_user ON webhook (user_id, created_at);

-- An endpoint is a webhook's id, 'reminder/' and a reminder's id, or 'email/' and an address.
CREATE TABLE delivery (
    ordinal BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    endpoint TEXT NOT NULL,
    user_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    target TEXT,
    notification_id TEXT,
    status TEXT NOT NULL,
    claimed BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    attempts TEXT NOT NULL,
    next_at BIGINT,
    last_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (endpoint, event_id)
);
CREATE INDEX delivery_due ON delivery (next_at) WHERE status = 'pending';
CREATE INDEX delivery_untold ON delivery (ordinal) WHERE claimed = 1 AND status <> 'pending';
CREATE INDEX delivery_endpoint ON delivery (endpoint, ordinal);
CREATE INDEX delivery_notification ON delivery (notification_id) WHERE notification_id IS NOT NULL;

-- One secret of this installation, from which those of reminders follow.
CREATE TABLE root_secret (
    name TEXT PRIMARY KEY,
    secret TEXT NOT NULL
);
