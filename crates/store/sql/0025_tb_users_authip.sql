-- Further addresses that calls of an account come from: an address, a range or a network.
CREATE TABLE tb_users_authip (
  id {id},
  userid BIGINT NOT NULL,
  ip TEXT NOT NULL,
  port BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tb_users_authip_user ON tb_users_authip (userid);
