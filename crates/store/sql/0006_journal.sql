-- The recovery record of every running leg: body is the Journal as JSON.
CREATE TABLE journal (
  leg TEXT PRIMARY KEY,
  call TEXT NOT NULL,
  node BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  touched_ms BIGINT NOT NULL,
  body TEXT NOT NULL
) {without_rowid};
