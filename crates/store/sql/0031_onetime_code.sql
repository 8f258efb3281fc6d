-- Codes that were sent to somebody and wait to come back: who signed up, who forgot a password. Only digests.
CREATE TABLE onetime_code (
  id {id},
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL,
  account_id BIGINT NOT NULL DEFAULT 0,
  hash TEXT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  expires_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX onetime_code_subject ON onetime_code (purpose, subject);
