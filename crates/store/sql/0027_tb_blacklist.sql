-- Numbers that may not be called or that may not call. userid 0: for everybody.
CREATE TABLE tb_blacklist (
  id {id},
  number TEXT NOT NULL,
  userid BIGINT NOT NULL DEFAULT 0,
  type BIGINT NOT NULL DEFAULT 0,
  comment TEXT NOT NULL DEFAULT ''
);
