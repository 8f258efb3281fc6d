-- Which maintenance was done: one row per period and slot of it, such as day and 2026-11-22.
CREATE TABLE maintenance (
  period TEXT NOT NULL,
  slot TEXT NOT NULL,
  done BIGINT NOT NULL DEFAULT 0,
  at_ms BIGINT NOT NULL,
  report TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (period, slot)
) {without_rowid};
