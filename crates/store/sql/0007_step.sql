-- The steps that were carried out, with the digest of their content and their answer: a replay finds both.
CREATE TABLE step (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  reply TEXT NOT NULL,
  at_ms BIGINT NOT NULL
) {without_rowid};
CREATE INDEX step_at ON step (at_ms);
