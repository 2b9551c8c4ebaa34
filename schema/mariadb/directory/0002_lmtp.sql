-- works-with: 1
-- Who serves a domain's mailboxes: an LMTP server, as the next hop "lmtp:/run/dovecot/lmtp" or
-- "lmtp:host.test:24"; NULL: their Maildirs below mail/. A program that does not know the column
-- delivers to the Maildirs, as it always has.
ALTER TABLE domain ADD COLUMN IF NOT EXISTS lmtp VARCHAR(512) CHECK (lmtp LIKE 'lmtp:%');
