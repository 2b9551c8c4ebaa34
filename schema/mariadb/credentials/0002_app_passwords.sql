-- works-with: 1
-- When an app password was last used and from where (0: never), as last_login has it for an account. What SCRAM
-- needs (RFC 5803), for the account's own password; it names the hash that it was made with and counts only
-- beside that one, because a program that does not know the column changes the hash alone. '': none.
ALTER TABLE credential ADD COLUMN IF NOT EXISTS used_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE credential ADD COLUMN IF NOT EXISTS used_from VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE credential ADD COLUMN IF NOT EXISTS scram VARCHAR(512) NOT NULL DEFAULT '';
