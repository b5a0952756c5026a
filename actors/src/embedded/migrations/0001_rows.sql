-- Every actor that has written, been armed or been published for. Its number keeps the other rows small and close together.
CREATE TABLE actor (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
);

-- The rings: id = actor * 64 + index. `logged` is the highest sequence known to be in the log when the slot was written.
CREATE TABLE slot (
    id INTEGER PRIMARY KEY,
    etag INTEGER NOT NULL,
    logged INTEGER NOT NULL,
    entry BLOB NOT NULL
);

CREATE TABLE snap (
    actor INTEGER PRIMARY KEY,
    etag INTEGER NOT NULL,
    state BLOB NOT NULL
);

-- A wake takes away only the row it was started by: `arming` tells it from the same moment armed again meanwhile.
CREATE TABLE alarm (
    moment INTEGER NOT NULL,
    actor INTEGER NOT NULL,
    arming INTEGER NOT NULL,
    PRIMARY KEY (moment, actor)
) WITHOUT ROWID;

-- One row for the events of one turn, as a JSON array; its offset is that of the last of them.
CREATE TABLE log (
    offset INTEGER PRIMARY KEY,
    events BLOB NOT NULL
);

-- How often the file was opened: the upper bits of every arming, so that none ever comes twice.
CREATE TABLE run (
    number INTEGER NOT NULL
);

INSERT INTO run (number) VALUES (0);
