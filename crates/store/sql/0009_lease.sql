-- What a node may hold in memory for a busy account.
CREATE TABLE lease (
  account_id BIGINT NOT NULL,
  unit TEXT NOT NULL,
  node BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, unit, node)
);
