-- The boot epoch of each node. commits is the last group that the node's writer committed:
-- after a lost COMMIT it tells whether the group took place.
CREATE TABLE epoch (
  node BIGINT PRIMARY KEY,
  epoch BIGINT NOT NULL,
  commits BIGINT NOT NULL DEFAULT 0
);
