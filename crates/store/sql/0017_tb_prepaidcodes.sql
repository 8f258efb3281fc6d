-- Recharge codes. value is decimal; nothing computes with it, it is read as text.
CREATE TABLE tb_prepaidcodes (
  id {id},
  code TEXT NOT NULL UNIQUE,
  value NUMERIC NOT NULL DEFAULT 0,
  currency TEXT NOT NULL DEFAULT '',
  used BIGINT NOT NULL DEFAULT 0,
  useddate TEXT,
  userid BIGINT,
  expires TEXT
);
