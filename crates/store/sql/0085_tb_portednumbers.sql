-- Numbers that moved to another operator with their owner, and how they are routed since.
CREATE TABLE tb_portednumbers (
  id {id},
  number TEXT NOT NULL UNIQUE,
  routingnumber TEXT NOT NULL DEFAULT '',
  operator TEXT NOT NULL DEFAULT '',
  porteddate TEXT,
  comment TEXT NOT NULL DEFAULT ''
);
