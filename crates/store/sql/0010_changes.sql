-- Which rows changed, in order: nodes follow it to keep their memory fresh. Written by triggers.
CREATE TABLE changes (
  seq {id},
  tbl TEXT NOT NULL,
  id BIGINT NOT NULL,
  at_ms BIGINT NOT NULL
);
