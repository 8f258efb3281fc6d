-- Prices that hold at certain times only.
CREATE TABLE tb_billingtimes (
  id {id},
  billentryid BIGINT NOT NULL DEFAULT 0,
  timetype BIGINT NOT NULL DEFAULT 0,
  fromtime TEXT NOT NULL DEFAULT '',
  totime TEXT NOT NULL DEFAULT '',
  isdiff BIGINT NOT NULL DEFAULT 0,
  price NUMERIC NOT NULL DEFAULT 0
);
