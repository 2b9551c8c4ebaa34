-- works-with: 1
-- When an app password was last used and from where (0: never), as last_login has it for an account. What SCRAM
-- needs (RFC 5803), for the account's own password; it names the hash that it was made with and counts only
-- beside that one, because a program that does not know the column changes the hash alone. '': none.
ALTER TABLE credential ADD COLUMN used_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE credential ADD COLUMN used_from TEXT NOT NULL DEFAULT '';
ALTER TABLE credential ADD COLUMN scram TEXT NOT NULL DEFAULT '';
