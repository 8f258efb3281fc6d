-- What a call whose record was priced again has really been charged, in micro-units of the record's currency.
CREATE TABLE rebill (
  leg TEXT PRIMARY KEY,
  charged BIGINT NOT NULL,
  times BIGINT NOT NULL DEFAULT 0
) {without_rowid};
