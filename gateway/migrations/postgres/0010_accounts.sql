-- Personal tokens, sessions and live tickets: only hashes of their secrets.
CREATE TABLE token (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
  hash BYTEA NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, last_used_at BIGINT
);
CREATE INDEX token_user ON token (user_id, created_at);
CREATE TABLE pass (
  hash BYTEA PRIMARY KEY, kind TEXT NOT NULL, user_id TEXT NOT NULL, scopes TEXT NOT NULL,
  token TEXT, email TEXT, zone TEXT, expires_at BIGINT NOT NULL
);
CREATE INDEX pass_token ON pass (token) WHERE token IS NOT NULL;
CREATE INDEX pass_expires ON pass (expires_at);
