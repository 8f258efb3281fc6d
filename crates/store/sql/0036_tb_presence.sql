-- What accounts say of themselves by presence_set.
CREATE TABLE tb_presence (
  id {key},
  status TEXT NOT NULL,
  until_ms BIGINT NOT NULL
);
