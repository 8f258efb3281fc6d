-- What each account has, per unit, in micro-units: settled is the sum of its ledger entries, held what open
-- holds reserve, holds how many they are. The bounds keep sums within 64 bits on both engines. seq counts the changes. System accounts have negative ids.
CREATE TABLE balance (
  account_id BIGINT NOT NULL,
  unit TEXT NOT NULL,
  settled BIGINT NOT NULL DEFAULT 0 CHECK (settled BETWEEN -4000000000000000000 AND 4000000000000000000),
  held BIGINT NOT NULL DEFAULT 0,
  holds BIGINT NOT NULL DEFAULT 0,
  seq BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, unit)
) {without_rowid};
