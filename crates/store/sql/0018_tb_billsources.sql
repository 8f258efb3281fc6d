-- Price lists.
CREATE TABLE tb_billsources (
  id {id},
  name TEXT NOT NULL DEFAULT '',
  resellerid BIGINT NOT NULL DEFAULT 0,
  currency TEXT NOT NULL DEFAULT '',
  isdefault BIGINT NOT NULL DEFAULT 0
);
