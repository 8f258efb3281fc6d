-- The question that an account is asked when its password was forgotten, and its answer: encrypted like the password.
ALTER TABLE account ADD COLUMN forgotpasswordanswer TEXT NOT NULL DEFAULT '';
ALTER TABLE account_profile ADD COLUMN forgotpasswordquestion TEXT NOT NULL DEFAULT '';
