-- The number pool.
CREATE TABLE tb_phonenumbers (
  id {id},
  number TEXT NOT NULL UNIQUE,
  userid BIGINT NOT NULL DEFAULT 0,
  free BIGINT NOT NULL DEFAULT 1,
  location TEXT NOT NULL DEFAULT '',
  reserveduntil TEXT
);
