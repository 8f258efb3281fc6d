-- Whether an account is registered, calling or speaking, written coalesced.
CREATE TABLE line_state (
  id {key},
  status BIGINT NOT NULL DEFAULT 0,
  status_ms BIGINT
);
