-- The answers of money-moving commands by their request id, for 24 hours.
CREATE TABLE idempotency (
  account_id BIGINT NOT NULL,
  command TEXT NOT NULL,
  request TEXT NOT NULL,
  digest TEXT NOT NULL,
  reply TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, command, request)
);
CREATE INDEX idempotency_at ON idempotency (at_ms);
