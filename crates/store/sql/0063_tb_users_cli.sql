-- Numbers from which an account is known by itself, without a PIN (ANI); callback: they may trigger callbacks.
CREATE TABLE tb_users_cli (
  id {id},
  userid BIGINT NOT NULL,
  number TEXT NOT NULL UNIQUE,
  callback BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tb_users_cli_user ON tb_users_cli (userid);
