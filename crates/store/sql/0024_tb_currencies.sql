-- Currencies: rate is what one unit is worth in the common base; digits those of an invoice.
CREATE TABLE tb_currencies (
  id {id},
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL DEFAULT '',
  rate NUMERIC NOT NULL DEFAULT 0,
  digits BIGINT NOT NULL DEFAULT 2
);
