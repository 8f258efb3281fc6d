-- Global configuration: keys that are not set in the start-up file.
CREATE TABLE tb_settings (
  id {id},
  name TEXT NOT NULL UNIQUE,
  value TEXT NOT NULL DEFAULT ''
);
