-- Who did what through the API.
CREATE TABLE audit (
  id {id},
  at_ms BIGINT NOT NULL,
  account_id BIGINT,
  source TEXT NOT NULL,
  command TEXT NOT NULL,
  object TEXT NOT NULL,
  outcome TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at_ms);
