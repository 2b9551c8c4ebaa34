-- works-with: 1
-- Limits on the room that the mailboxes of a domain are given together; owners of several domains
-- with limits over all of them; answers of mailboxes whose people are away. A program that does not
-- know them enforces none of these limits and answers nobody.
CREATE TABLE IF NOT EXISTS owner (
  owner_id BIGINT AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(64) NOT NULL UNIQUE,
  max_domains BIGINT CHECK (max_domains >= 0),              -- NULL: no limit, as below
  max_mailboxes BIGINT CHECK (max_mailboxes >= 0),
  max_aliases BIGINT CHECK (max_aliases >= 0),
  max_lists BIGINT CHECK (max_lists >= 0),
  max_disk_bytes BIGINT CHECK (max_disk_bytes >= 0),        -- of all quotas together
  max_disk_messages BIGINT CHECK (max_disk_messages >= 0),
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

ALTER TABLE domain ADD COLUMN IF NOT EXISTS owner_id BIGINT;
ALTER TABLE domain ADD COLUMN IF NOT EXISTS max_disk_bytes BIGINT CHECK (max_disk_bytes >= 0);
ALTER TABLE domain ADD COLUMN IF NOT EXISTS max_disk_messages BIGINT CHECK (max_disk_messages >= 0);
ALTER TABLE domain ADD INDEX IF NOT EXISTS domain_by_owner (owner_id);
ALTER TABLE domain ADD CONSTRAINT domain_owned FOREIGN KEY IF NOT EXISTS domain_owned (owner_id) REFERENCES owner (owner_id);

CREATE TABLE IF NOT EXISTS vacation (
  mailbox_id BIGINT PRIMARY KEY,
  subject VARCHAR(1024) NOT NULL,     -- empty: "Auto: " and the subject that is answered
  text TEXT NOT NULL,
  begins_at BIGINT,                   -- microseconds since 1970, UTC; NULL: at once
  ends_at BIGINT,                     -- NULL: never
  days INT NOT NULL CHECK (days BETWEEN 1 AND 365),         -- between two answers to one sender
  only_if_named TINYINT NOT NULL CHECK (only_if_named IN (0, 1)),  -- in To or Cc
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT vacation_of FOREIGN KEY (mailbox_id) REFERENCES mailbox (mailbox_id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
