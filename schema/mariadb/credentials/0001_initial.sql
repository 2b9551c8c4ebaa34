-- works-with: 1
-- The credentials store, as schema/sqlite/credentials has it: what proves who somebody is.
-- Names are compared byte for byte: utf8mb4_nopad_bin knows neither case nor padding.

CREATE TABLE IF NOT EXISTS credential (
  account    VARCHAR(320) NOT NULL CHECK (account <> ''),      -- canonical address
  label      VARCHAR(64) NOT NULL DEFAULT '',
  hash       VARCHAR(512) NOT NULL CHECK (hash <> ''),         -- self-describing: $argon2id$v=19$m=...
  state      TINYINT NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),  -- 0 in use, 1 locked: never matches
  services   VARCHAR(255) NOT NULL DEFAULT '',
  changed_us BIGINT NOT NULL,                                  -- microseconds since 1970, when the password was set
  PRIMARY KEY (account, label)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- One row per account and service, overwritten at each login (batched, so up to some seconds late).
CREATE TABLE IF NOT EXISTS last_login (
  account VARCHAR(320) NOT NULL,
  service VARCHAR(32) NOT NULL,
  at_us   BIGINT NOT NULL,
  peer    VARCHAR(64) NOT NULL,                                -- address the client came from
  PRIMARY KEY (account, service)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
