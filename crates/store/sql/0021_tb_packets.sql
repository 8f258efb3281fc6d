-- Packets: a price list with free minutes and messages.
CREATE TABLE tb_packets (
  id {id},
  name TEXT NOT NULL DEFAULT '',
  billsourceid BIGINT NOT NULL DEFAULT 0,
  freeminutes BIGINT NOT NULL DEFAULT 0,
  freesms BIGINT NOT NULL DEFAULT 0
);
