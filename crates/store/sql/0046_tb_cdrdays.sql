-- The traffic of each day by currency, in the server's time zone: kept after the records themselves are gone. Costs in
-- micro-units.
CREATE TABLE tb_cdrdays (
  day TEXT NOT NULL,
  currency TEXT NOT NULL,
  calls BIGINT NOT NULL DEFAULT 0,
  answered BIGINT NOT NULL DEFAULT 0,
  duration_ms BIGINT NOT NULL DEFAULT 0,
  cost_enduser BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (day, currency)
) {without_rowid};
