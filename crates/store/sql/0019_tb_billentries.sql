-- Prices by prefix. Decimal columns are read as text and never computed with here.
CREATE TABLE tb_billentries (
  id {id},
  billsourceid BIGINT NOT NULL DEFAULT 0,
  prefix TEXT NOT NULL DEFAULT '',
  direction TEXT NOT NULL DEFAULT '',
  price NUMERIC NOT NULL DEFAULT 0,
  connectfee NUMERIC NOT NULL DEFAULT 0,
  billingstep BIGINT NOT NULL DEFAULT 1,
  minammount NUMERIC NOT NULL DEFAULT 0,
  freeammount NUMERIC NOT NULL DEFAULT 0,
  freeafter BIGINT NOT NULL DEFAULT 0,
  currency TEXT NOT NULL DEFAULT '',
  validfrom TEXT,
  validto TEXT
);
CREATE INDEX tb_billentries_prefix ON tb_billentries (billsourceid, prefix);
