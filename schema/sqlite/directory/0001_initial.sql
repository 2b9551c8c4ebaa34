-- works-with: 1
-- The directory: who receives mail here. Domain names are lower case A-labels, local parts of
-- mailboxes and aliases are case-folded; what is looked up is exactly what is stored.
-- Later migrations add tables beside these (lists, keys, app passwords) keyed by domain_id or
-- mailbox_id; nothing here needs reshaping for them.

CREATE TABLE domain (
  domain_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  incoming_suspended TEXT,            -- the reason, shown to senders; NULL: active
  outgoing_suspended TEXT,            -- the reason, shown to the submitter; NULL: active
  login_suspended TEXT,               -- the reason; NULL: active
  catch_all TEXT NOT NULL CHECK (catch_all IN ('refuse', 'discard', 'mailbox', 'forward')),
  catch_all_target TEXT,              -- an address for 'mailbox' and 'forward'
  sub_addressing TEXT NOT NULL CHECK (sub_addressing IN ('', '+', '-', '+-')),
  default_quota_bytes INTEGER NOT NULL CHECK (default_quota_bytes >= 0),        -- 0: no limit
  default_quota_messages INTEGER NOT NULL CHECK (default_quota_messages >= 0),  -- 0: no limit
  max_mailboxes INTEGER CHECK (max_mailboxes >= 0),                             -- NULL: no limit
  max_aliases INTEGER CHECK (max_aliases >= 0),
  max_lists INTEGER CHECK (max_lists >= 0),
  max_messages_per_day INTEGER CHECK (max_messages_per_day >= 0),
  created_at INTEGER NOT NULL,        -- microseconds since 1970, UTC
  version INTEGER NOT NULL,           -- counts changes of this row
  CHECK ((catch_all IN ('mailbox', 'forward')) = (catch_all_target IS NOT NULL))
) STRICT;

CREATE TABLE domain_alias (
  name TEXT PRIMARY KEY,
  domain_id INTEGER NOT NULL REFERENCES domain (domain_id),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_alias_by_domain ON domain_alias (domain_id);

CREATE TABLE mailbox (
  mailbox_id INTEGER PRIMARY KEY,
  domain_id INTEGER NOT NULL REFERENCES domain (domain_id),
  local_part TEXT NOT NULL,
  display_name TEXT NOT NULL,
  quota_bytes INTEGER NOT NULL CHECK (quota_bytes >= 0),                        -- 0: no limit
  quota_messages INTEGER NOT NULL CHECK (quota_messages >= 0),                  -- 0: no limit
  pop3 INTEGER NOT NULL CHECK (pop3 IN (0, 1)),
  imap INTEGER NOT NULL CHECK (imap IN (0, 1)),
  smtp INTEGER NOT NULL CHECK (smtp IN (0, 1)),
  receive INTEGER NOT NULL CHECK (receive IN (0, 1)),
  maildir TEXT NOT NULL UNIQUE,       -- relative to mail/: example.org/ann/Maildir
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (domain_id, local_part)
) STRICT;

CREATE TABLE alias (
  alias_id INTEGER PRIMARY KEY,
  domain_id INTEGER NOT NULL REFERENCES domain (domain_id),
  local_part TEXT NOT NULL,
  keep_copy INTEGER NOT NULL CHECK (keep_copy IN (0, 1)),
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (domain_id, local_part)
) STRICT;

CREATE TABLE alias_target (
  alias_id INTEGER NOT NULL REFERENCES alias (alias_id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (alias_id, position)
) STRICT, WITHOUT ROWID;

-- Append-only. Secrets are never written here.
CREATE TABLE audit (
  audit_id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,                -- microseconds since 1970, UTC
  actor TEXT NOT NULL,                -- "uid 0 (root)"
  source TEXT NOT NULL,               -- "cli", "import"
  action TEXT NOT NULL,               -- "mailbox.add"
  object TEXT NOT NULL,               -- the domain or the address
  before TEXT,                        -- JSON; NULL: did not exist
  after TEXT                          -- JSON; NULL: exists no longer
) STRICT;
CREATE INDEX audit_by_object ON audit (object, audit_id);

-- Counts committed changes of the directory; caches compare it.
CREATE TABLE generation (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  value INTEGER NOT NULL
) STRICT;
INSERT INTO generation (only_row, value) VALUES (1, 1);
