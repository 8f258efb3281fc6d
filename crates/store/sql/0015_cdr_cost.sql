-- What a call costs each level of the reseller chain. tb_cdrresellers is its documented face.
CREATE TABLE cdr_cost (
  id {id},
  leg TEXT NOT NULL,
  account_id BIGINT NOT NULL,
  level BIGINT NOT NULL,
  unit TEXT NOT NULL,
  amount BIGINT NOT NULL,
  unit_price BIGINT NOT NULL,
  price_entry BIGINT,
  UNIQUE (leg, level)
);
