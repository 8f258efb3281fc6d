-- E-mails and SMS that wait for delivery. subject and body are sealed like passwords: they are personal.
CREATE TABLE tb_outbox (
  id {id},
  kind TEXT NOT NULL,
  recipient TEXT NOT NULL,
  sender TEXT NOT NULL DEFAULT '',
  subject TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL DEFAULT '',
  rowkey TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued',
  attempts BIGINT NOT NULL DEFAULT 0,
  created TEXT NOT NULL,
  nextattempt TEXT NOT NULL,
  correlation TEXT NOT NULL DEFAULT ''
);
CREATE INDEX tb_outbox_state ON tb_outbox (state, nextattempt);
