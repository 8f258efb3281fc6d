-- How commands of the API are authenticated, and commands of one's own.
CREATE TABLE tb_api (
  id {id},
  fname TEXT NOT NULL DEFAULT '',
  req_key BIGINT DEFAULT 1,
  req_ip BIGINT,
  req_user BIGINT NOT NULL DEFAULT 0,
  req_user_mode BIGINT NOT NULL DEFAULT 0,
  req_user_credit NUMERIC NOT NULL DEFAULT 0,
  req_user_register BIGINT,
  req_user_login BIGINT,
  customsql TEXT NOT NULL DEFAULT '',
  custom_action BIGINT NOT NULL DEFAULT 0,
  custom_action_body TEXT NOT NULL DEFAULT '',
  enabled BIGINT NOT NULL DEFAULT 1
);
