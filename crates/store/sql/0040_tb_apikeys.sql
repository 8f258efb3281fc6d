-- Named API keys beside the global one: only the SHA-256 of a key is kept.
CREATE TABLE tb_apikeys (
  id {id},
  name TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL DEFAULT '',
  accountid BIGINT,
  addresses TEXT NOT NULL DEFAULT '',
  expires_ms BIGINT,
  enabled BIGINT NOT NULL DEFAULT 1,
  created_ms BIGINT NOT NULL,
  lastused_ms BIGINT
);
