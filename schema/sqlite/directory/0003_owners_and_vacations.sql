-- works-with: 1
-- Limits on the room that the mailboxes of a domain are given together; owners of several domains
-- with limits over all of them; answers of mailboxes whose people are away. A program that does not
-- know them enforces none of these limits and answers nobody.
CREATE TABLE owner (
  owner_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  max_domains INTEGER CHECK (max_domains >= 0),              -- NULL: no limit, as below
  max_mailboxes INTEGER CHECK (max_mailboxes >= 0),
  max_aliases INTEGER CHECK (max_aliases >= 0),
  max_lists INTEGER CHECK (max_lists >= 0),
  max_disk_bytes INTEGER CHECK (max_disk_bytes >= 0),        -- of all quotas together
  max_disk_messages INTEGER CHECK (max_disk_messages >= 0),
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;

ALTER TABLE domain ADD COLUMN owner_id INTEGER REFERENCES owner (owner_id);
ALTER TABLE domain ADD COLUMN max_disk_bytes INTEGER CHECK (max_disk_bytes >= 0);
ALTER TABLE domain ADD COLUMN max_disk_messages INTEGER CHECK (max_disk_messages >= 0);
CREATE INDEX domain_by_owner ON domain (owner_id);

CREATE TABLE vacation (
  mailbox_id INTEGER PRIMARY KEY REFERENCES mailbox (mailbox_id) ON DELETE CASCADE,
  subject TEXT NOT NULL,              -- empty: "Auto: " and the subject that is answered
  text TEXT NOT NULL,
  begins_at INTEGER,                  -- microseconds since 1970, UTC; NULL: at once
  ends_at INTEGER,                    -- NULL: never
  days INTEGER NOT NULL CHECK (days BETWEEN 1 AND 365),      -- between two answers to one sender
  only_if_named INTEGER NOT NULL CHECK (only_if_named IN (0, 1)),  -- in To or Cc
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
