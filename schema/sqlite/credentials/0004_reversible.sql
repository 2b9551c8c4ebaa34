-- works-with: 1
-- May the account's own password be kept so that it can be had back, for CRAM-MD5 and APOP? Only by an operator's
-- word. `sealed` is that password, encrypted with a key that is not in this store; it counts only beside the account
-- and the hash that it was sealed for, because a program that does not know the column changes the hash alone. '': none.
ALTER TABLE credential ADD COLUMN reversible INTEGER NOT NULL DEFAULT 0 CHECK (reversible IN (0, 1));
ALTER TABLE credential ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
