-- From which address an authmd5 was seen first, for a day.
CREATE TABLE api_replay (
  digest TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  at_ms BIGINT NOT NULL
);
CREATE INDEX api_replay_at ON api_replay (at_ms);
