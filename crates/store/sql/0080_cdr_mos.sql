-- The mean opinion score of the side that was heard worse, in hundredths; NULL where too little was heard.
ALTER TABLE cdr ADD COLUMN mos BIGINT;
