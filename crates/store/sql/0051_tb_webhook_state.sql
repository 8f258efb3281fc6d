-- How far each node has got with each webhook. failing_ms: since when it does not answer; 0: it does. generation: rises
-- with every replay, so that what was under way before does not count any more.
CREATE TABLE tb_webhook_state (
  webhookid BIGINT NOT NULL,
  node BIGINT NOT NULL,
  position BIGINT NOT NULL,
  generation BIGINT NOT NULL DEFAULT 0,
  failures BIGINT NOT NULL DEFAULT 0,
  failing_ms BIGINT NOT NULL DEFAULT 0,
  status BIGINT NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (webhookid, node)
) {without_rowid};
