-- Sessions of login by the SHA-256 of their tokens; check_value tells whether the account's password is still the same.
CREATE TABLE api_session (
  digest TEXT PRIMARY KEY,
  account_id BIGINT NOT NULL,
  address TEXT NOT NULL,
  expires_ms BIGINT NOT NULL,
  check_value TEXT NOT NULL,
  key_id BIGINT
);
CREATE INDEX api_session_expires ON api_session (expires_ms);
