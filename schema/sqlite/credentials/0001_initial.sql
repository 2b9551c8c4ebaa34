-- works-with: 1
-- The credentials store: what proves who somebody is. Everything else about an account (its maildir, quota,
-- aliases, switches) is in the directory. A row here without an account there is harmless: nobody is found to log in.

-- The label '' is the account's own password; other labels are for app passwords, limited to `services`
-- (comma-separated names, '' for every service).
CREATE TABLE credential (
  account    TEXT NOT NULL CHECK (account <> ''),      -- canonical address
  label      TEXT NOT NULL DEFAULT '',
  hash       TEXT NOT NULL CHECK (hash <> ''),         -- self-describing: $argon2id$v=19$m=...
  state      INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),  -- 0 in use, 1 locked: never matches
  services   TEXT NOT NULL DEFAULT '',
  changed_us INTEGER NOT NULL,                         -- microseconds since 1970, when the password was set
  PRIMARY KEY (account, label)
) STRICT, WITHOUT ROWID;

-- One row per account and service, overwritten at each login (batched, so up to some seconds late).
CREATE TABLE last_login (
  account TEXT NOT NULL,
  service TEXT NOT NULL,
  at_us   INTEGER NOT NULL,
  peer    TEXT NOT NULL,                               -- address the client came from
  PRIMARY KEY (account, service)
) STRICT, WITHOUT ROWID;
