-- works-with: 1
-- What the mailboxes of a domain may use together; what becomes of mail for names that nobody has,
-- in the operator's words; sending limits of one domain or owner in place of the settings. A
-- program that does not know them measures no domain, says its own words, and goes by the settings.
ALTER TABLE domain ADD COLUMN quota_bytes INTEGER NOT NULL DEFAULT 0 CHECK (quota_bytes >= 0);        -- 0: no limit
ALTER TABLE domain ADD COLUMN quota_messages INTEGER NOT NULL DEFAULT 0 CHECK (quota_messages >= 0);  -- 0: no limit
ALTER TABLE domain ADD COLUMN catch_all_text TEXT;              -- of 'refuse' and 'discard'
-- Recipients at other hosts, as max_messages_per_day; NULL: the setting, 0: no limit.
ALTER TABLE domain ADD COLUMN max_messages_per_hour INTEGER CHECK (max_messages_per_hour >= 0);
ALTER TABLE owner ADD COLUMN max_messages_per_hour INTEGER CHECK (max_messages_per_hour >= 0);
ALTER TABLE owner ADD COLUMN max_messages_per_day INTEGER CHECK (max_messages_per_day >= 0);
-- Few domains have a quota, and they are asked for again and again.
CREATE INDEX domain_by_quota_bytes ON domain (quota_bytes);
CREATE INDEX domain_by_quota_messages ON domain (quota_messages);
