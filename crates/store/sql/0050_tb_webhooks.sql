-- Where events are posted to. userid 0: the operator's own, which gets everything. The secret is encrypted.
CREATE TABLE tb_webhooks (
  id {id},
  userid BIGINT NOT NULL,
  url TEXT NOT NULL,
  secret TEXT NOT NULL,
  rowkey TEXT NOT NULL,
  types TEXT NOT NULL,
  enabled BIGINT NOT NULL DEFAULT 1,
  created_ms BIGINT NOT NULL
);
