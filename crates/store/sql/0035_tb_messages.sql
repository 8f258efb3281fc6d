-- Instant messages until they are delivered, and for a while what became of them. The body is sealed, and
-- emptied when it is delivered.
CREATE TABLE tb_messages (
  id {id},
  fromid BIGINT NOT NULL DEFAULT 0,
  fromname TEXT NOT NULL,
  toid BIGINT NOT NULL,
  contenttype TEXT NOT NULL DEFAULT 'text/plain',
  body TEXT NOT NULL DEFAULT '',
  -- 0 waits, 1 is under way to a phone, 2 delivered
  state BIGINT NOT NULL DEFAULT 0,
  attempts BIGINT NOT NULL DEFAULT 0,
  created_ms BIGINT NOT NULL,
  changed_ms BIGINT NOT NULL
);
CREATE INDEX tb_messages_to ON tb_messages (toid, state, id);
CREATE INDEX tb_messages_created ON tb_messages (created_ms);
