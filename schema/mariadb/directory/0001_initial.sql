-- works-with: 1
-- The directory, as schema/sqlite/directory has it: who receives mail here. Names are compared byte
-- for byte: utf8mb4_nopad_bin knows neither case nor padding. DDL commits by itself, so each
-- statement can be repeated after an interruption.

CREATE TABLE IF NOT EXISTS domain (
  domain_id BIGINT AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(255) NOT NULL UNIQUE,
  incoming_suspended VARCHAR(255),    -- the reason, shown to senders; NULL: active
  outgoing_suspended VARCHAR(255),    -- the reason, shown to the submitter; NULL: active
  login_suspended VARCHAR(255),       -- the reason; NULL: active
  catch_all VARCHAR(16) NOT NULL CHECK (catch_all IN ('refuse', 'discard', 'mailbox', 'forward')),
  catch_all_target VARCHAR(512),      -- an address for 'mailbox' and 'forward'
  sub_addressing VARCHAR(2) NOT NULL CHECK (sub_addressing IN ('', '+', '-', '+-')),
  default_quota_bytes BIGINT NOT NULL CHECK (default_quota_bytes >= 0),        -- 0: no limit
  default_quota_messages BIGINT NOT NULL CHECK (default_quota_messages >= 0),  -- 0: no limit
  max_mailboxes BIGINT CHECK (max_mailboxes >= 0),                             -- NULL: no limit
  max_aliases BIGINT CHECK (max_aliases >= 0),
  max_lists BIGINT CHECK (max_lists >= 0),
  max_messages_per_day BIGINT CHECK (max_messages_per_day >= 0),
  created_at BIGINT NOT NULL,         -- microseconds since 1970, UTC
  version BIGINT NOT NULL,            -- counts changes of this row
  CHECK ((catch_all IN ('mailbox', 'forward')) = (catch_all_target IS NOT NULL))
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS domain_alias (
  name VARCHAR(255) PRIMARY KEY,
  domain_id BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  INDEX domain_alias_by_domain (domain_id),
  CONSTRAINT domain_alias_of FOREIGN KEY (domain_id) REFERENCES domain (domain_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS mailbox (
  mailbox_id BIGINT AUTO_INCREMENT PRIMARY KEY,
  domain_id BIGINT NOT NULL,
  local_part VARCHAR(255) NOT NULL,
  display_name VARCHAR(1024) NOT NULL,
  quota_bytes BIGINT NOT NULL CHECK (quota_bytes >= 0),                        -- 0: no limit
  quota_messages BIGINT NOT NULL CHECK (quota_messages >= 0),                  -- 0: no limit
  pop3 TINYINT NOT NULL CHECK (pop3 IN (0, 1)),
  imap TINYINT NOT NULL CHECK (imap IN (0, 1)),
  smtp TINYINT NOT NULL CHECK (smtp IN (0, 1)),
  receive TINYINT NOT NULL CHECK (receive IN (0, 1)),
  maildir VARCHAR(512) NOT NULL UNIQUE,  -- relative to mail/: example.org/ann/Maildir
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  UNIQUE INDEX mailbox_by_name (domain_id, local_part),
  CONSTRAINT mailbox_in FOREIGN KEY (domain_id) REFERENCES domain (domain_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS alias (
  alias_id BIGINT AUTO_INCREMENT PRIMARY KEY,
  domain_id BIGINT NOT NULL,
  local_part VARCHAR(255) NOT NULL,
  keep_copy TINYINT NOT NULL CHECK (keep_copy IN (0, 1)),
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  UNIQUE INDEX alias_by_name (domain_id, local_part),
  CONSTRAINT alias_in FOREIGN KEY (domain_id) REFERENCES domain (domain_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS alias_target (
  alias_id BIGINT NOT NULL,
  position INT NOT NULL,
  target VARCHAR(512) NOT NULL,
  PRIMARY KEY (alias_id, position),
  CONSTRAINT alias_target_of FOREIGN KEY (alias_id) REFERENCES alias (alias_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Append-only. Secrets are never written here.
CREATE TABLE IF NOT EXISTS audit (
  audit_id BIGINT AUTO_INCREMENT PRIMARY KEY,
  at BIGINT NOT NULL,                 -- microseconds since 1970, UTC
  actor VARCHAR(255) NOT NULL,        -- "uid 0 (root)"
  source VARCHAR(64) NOT NULL,        -- "cli", "import"
  action VARCHAR(64) NOT NULL,        -- "mailbox.add"
  object VARCHAR(512) NOT NULL,       -- the domain or the address
  `before` MEDIUMTEXT,                -- JSON; NULL: did not exist
  after MEDIUMTEXT,                   -- JSON; NULL: exists no longer
  INDEX audit_by_object (object, audit_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Counts committed changes of the directory; its one row is also the lock that writers take turns by.
CREATE TABLE IF NOT EXISTS generation (
  only_row TINYINT PRIMARY KEY CHECK (only_row = 1),
  value BIGINT NOT NULL
) ENGINE=InnoDB;
INSERT IGNORE INTO generation (only_row, value) VALUES (1, 1);
