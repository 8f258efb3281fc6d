-- Card payments: what was asked of the provider and what became of it, never card data. amount is in millionths, as in
-- the ledger. state: begun (the provider was asked for nothing that moves money), asked (it may have charged the card),
-- paid (the credit is booked), refused (nothing was charged). declined: it was the card that was refused. intentid is the
-- provider's name of the payment, requestkey the key that makes its questions repeatable. due_ms: when an open payment may
-- be cleared up.
CREATE TABLE tb_payments (
  id {id},
  userid BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  currency TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  declined BIGINT NOT NULL DEFAULT 0,
  provider TEXT NOT NULL,
  intentid TEXT NOT NULL DEFAULT '',
  requestkey TEXT NOT NULL UNIQUE,
  node BIGINT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  created_ms BIGINT NOT NULL,
  changed_ms BIGINT NOT NULL,
  due_ms BIGINT NOT NULL
);
CREATE INDEX tb_payments_user ON tb_payments (userid, id);
CREATE INDEX tb_payments_state ON tb_payments (state, due_ms);
