-- Every movement of money, append-only: the lines of one step sum to zero per unit.
CREATE TABLE ledger (
  id {id},
  step TEXT NOT NULL,
  line BIGINT NOT NULL,
  account_id BIGINT NOT NULL,
  unit TEXT NOT NULL,
  amount BIGINT NOT NULL,
  kind TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  UNIQUE (step, line)
);
CREATE INDEX ledger_account ON ledger (account_id, unit);
