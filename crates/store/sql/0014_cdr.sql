-- One row per dialled target that was tried. tb_cdrs is its documented face. Money in micro-units.
CREATE TABLE cdr (
  id {id},
  leg TEXT NOT NULL UNIQUE,
  call TEXT NOT NULL,
  node BIGINT NOT NULL,
  start_ms BIGINT NOT NULL,
  end_ms BIGINT NOT NULL,
  caller BIGINT,
  payer BIGINT,
  called BIGINT,
  server BIGINT,
  presented TEXT NOT NULL,
  dialled TEXT NOT NULL,
  sent TEXT NOT NULL,
  sip_call_id TEXT NOT NULL,
  sip_call_id_b TEXT NOT NULL,
  duration_ms BIGINT NOT NULL,
  total_ms BIGINT NOT NULL,
  ring_ms BIGINT,
  currency TEXT NOT NULL,
  cost_enduser BIGINT NOT NULL,
  cost_provider BIGINT NOT NULL,
  provider_currency TEXT NOT NULL,
  unit_price BIGINT NOT NULL,
  billing_step BIGINT NOT NULL,
  price_entry BIGINT,
  reseller BIGINT,
  mark TEXT NOT NULL,
  direction TEXT NOT NULL,
  status BIGINT NOT NULL,
  reason TEXT NOT NULL,
  ended_by TEXT NOT NULL,
  codec TEXT NOT NULL,
  comment TEXT NOT NULL DEFAULT ''
);
CREATE INDEX cdr_end ON cdr (end_ms);
CREATE INDEX cdr_caller ON cdr (caller, end_ms);
CREATE INDEX cdr_called ON cdr (called, end_ms);
CREATE INDEX cdr_sip_call_id ON cdr (sip_call_id);
