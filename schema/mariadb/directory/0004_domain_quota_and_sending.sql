-- works-with: 1
-- What the mailboxes of a domain may use together; what becomes of mail for names that nobody has,
-- in the operator's words; sending limits of one domain or owner in place of the settings. A
-- program that does not know them measures no domain, says its own words, and goes by the settings.
ALTER TABLE domain ADD COLUMN IF NOT EXISTS quota_bytes BIGINT NOT NULL DEFAULT 0 CHECK (quota_bytes >= 0);
ALTER TABLE domain ADD COLUMN IF NOT EXISTS quota_messages BIGINT NOT NULL DEFAULT 0 CHECK (quota_messages >= 0);
ALTER TABLE domain ADD COLUMN IF NOT EXISTS catch_all_text VARCHAR(200);
-- Recipients at other hosts, as max_messages_per_day; NULL: the setting, 0: no limit.
ALTER TABLE domain ADD COLUMN IF NOT EXISTS max_messages_per_hour BIGINT CHECK (max_messages_per_hour >= 0);
ALTER TABLE owner ADD COLUMN IF NOT EXISTS max_messages_per_hour BIGINT CHECK (max_messages_per_hour >= 0);
ALTER TABLE owner ADD COLUMN IF NOT EXISTS max_messages_per_day BIGINT CHECK (max_messages_per_day >= 0);
-- Few domains have a quota, and they are asked for again and again.
ALTER TABLE domain ADD INDEX IF NOT EXISTS domain_by_quota_bytes (quota_bytes);
ALTER TABLE domain ADD INDEX IF NOT EXISTS domain_by_quota_messages (quota_messages);
