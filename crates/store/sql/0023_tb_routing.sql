-- Which server takes which prefix.
CREATE TABLE tb_routing (
  id {id},
  name TEXT NOT NULL DEFAULT '',
  prefix TEXT NOT NULL DEFAULT '',
  caller TEXT NOT NULL DEFAULT '',
  serverid BIGINT NOT NULL DEFAULT 0,
  priority BIGINT NOT NULL DEFAULT 0,
  weight BIGINT NOT NULL DEFAULT 1,
  timetype BIGINT NOT NULL DEFAULT 10,
  enabled BIGINT NOT NULL DEFAULT 1
);
