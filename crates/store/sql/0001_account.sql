-- Who there is: identity, authentication, limits and pricing. Calls never write here.
-- password and pin hold "enc1:…"; anything else was written in clear from outside and is encrypted when first read.
CREATE TABLE account (
  id {id},
  type BIGINT NOT NULL DEFAULT 0,
  parentid BIGINT NOT NULL DEFAULT 0,
  username TEXT NOT NULL DEFAULT '',
  password TEXT NOT NULL DEFAULT '',
  pin TEXT NOT NULL DEFAULT '',
  rowkey TEXT NOT NULL,
  rights BIGINT NOT NULL DEFAULT 30,
  enabled BIGINT NOT NULL DEFAULT 1,
  temporarydisabled BIGINT NOT NULL DEFAULT 0,
  currency TEXT NOT NULL,
  postpaid BIGINT NOT NULL DEFAULT 0,
  billinguserid BIGINT NOT NULL DEFAULT 0,
  packetid BIGINT NOT NULL DEFAULT 0,
  billsourceid BIGINT NOT NULL DEFAULT 0,
  usergroup BIGINT NOT NULL DEFAULT 0,
  needauth BIGINT NOT NULL DEFAULT 4,
  techprefix TEXT NOT NULL DEFAULT '',
  ip TEXT NOT NULL DEFAULT '',
  authip TEXT NOT NULL DEFAULT '',
  port BIGINT NOT NULL DEFAULT 0,
  domainname TEXT NOT NULL DEFAULT '',
  proxy TEXT NOT NULL DEFAULT '',
  transport TEXT NOT NULL DEFAULT '',
  needregister BIGINT NOT NULL DEFAULT 0,
  sendstraffic BIGINT NOT NULL DEFAULT 0,
  maxlines BIGINT NOT NULL DEFAULT 0,
  created_ms BIGINT NOT NULL DEFAULT 0,
  deleted_ms BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX account_username ON account (lower(username)) WHERE deleted_ms = 0;
CREATE INDEX account_parent ON account (parentid);
