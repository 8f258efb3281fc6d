-- What running legs reserve: one row per leg, account and unit. floor: settled - held may not go below it.
CREATE TABLE hold (
  leg TEXT NOT NULL,
  account_id BIGINT NOT NULL,
  unit TEXT NOT NULL,
  amount BIGINT NOT NULL,
  floor BIGINT,
  step TEXT NOT NULL,
  node BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  PRIMARY KEY (leg, account_id, unit)
) {without_rowid};
