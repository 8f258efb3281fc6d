-- SMS that gateways handed in, by their own number, and what became of them.
CREATE TABLE tb_smsreceived (
  id {id},
  msgid TEXT NOT NULL UNIQUE,
  fromnumber TEXT NOT NULL,
  tonumber TEXT NOT NULL,
  userid BIGINT NOT NULL DEFAULT 0,
  body TEXT NOT NULL DEFAULT '',
  digest TEXT NOT NULL,
  outcome TEXT NOT NULL DEFAULT '',
  created_ms BIGINT NOT NULL
);
CREATE INDEX tb_smsreceived_created ON tb_smsreceived (created_ms);
