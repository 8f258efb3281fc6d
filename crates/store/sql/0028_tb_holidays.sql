-- Days that count as holidays: YYYY-MM-DD, or MM-DD for every year.
CREATE TABLE tb_holidays (
  id {id},
  date TEXT NOT NULL,
  country TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL DEFAULT ''
);
