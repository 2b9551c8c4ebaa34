-- What Dovecot reads of the two databases, for who administers the MariaDB server:
--   toastctl schema grants --dovecot | mariadb
-- after `toastctl schema migrate`. The user sees one view: of each mailbox its password's hash, its
-- Maildir, its quota and its switches; no app passwords, and no hash of an account that may not log
-- in. It is a database of its own, so nothing else can be asked for.

CREATE DATABASE IF NOT EXISTS `@directorydb@_dovecot` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE OR REPLACE DEFINER = 'toast_toastctl'@'@from@' SQL SECURITY DEFINER
VIEW `@directorydb@_dovecot`.mailbox_account AS
SELECT m.domain_id, m.local_part, d.name AS domain, CONCAT(m.local_part, '@', d.name) AS user,
  CASE WHEN c.state = 0 AND d.login_suspended IS NULL THEN
    CONCAT(CASE WHEN c.hash LIKE '$argon2id$%' THEN '{ARGON2ID}' WHEN c.hash LIKE '$argon2i$%' THEN '{ARGON2I}'
                WHEN c.hash LIKE '{%' THEN '' ELSE '{CRYPT}' END, c.hash) END AS password,
  LEFT(m.maildir, LENGTH(m.maildir) - LENGTH(SUBSTRING_INDEX(m.maildir, '/', -1)) - 1) AS home, m.maildir,
  CONCAT('*:bytes=', IF(m.quota_bytes > 0, m.quota_bytes, d.quota_bytes),
    ':messages=', IF(m.quota_messages > 0, m.quota_messages, d.quota_messages)) AS quota_rule, m.imap, m.pop3, m.smtp
FROM `@directorydb@`.mailbox m
JOIN `@directorydb@`.domain d ON d.domain_id = m.domain_id
LEFT JOIN `@credentialsdb@`.credential c ON c.account = CONCAT(m.local_part, '@', d.name) AND c.label = '';

-- Each by the name of its domain and by the domain's other names.
CREATE OR REPLACE DEFINER = 'toast_toastctl'@'@from@' SQL SECURITY DEFINER
VIEW `@directorydb@_dovecot`.account AS
SELECT local_part, domain, user, password, home, maildir, quota_rule, imap, pop3, smtp
FROM `@directorydb@_dovecot`.mailbox_account
UNION ALL
SELECT o.local_part, a.name, o.user, o.password, o.home, o.maildir, o.quota_rule, o.imap, o.pop3, o.smtp
FROM `@directorydb@`.domain_alias a
JOIN `@directorydb@_dovecot`.mailbox_account o ON o.domain_id = a.domain_id;

GRANT SELECT ON `@directorydb@_dovecot`.mailbox_account TO 'toast_toastctl'@'@from@';
CREATE OR REPLACE USER 'toast_dovecot'@'@from@' IDENTIFIED BY '@dovecot_password@'@require@;
GRANT SELECT ON `@directorydb@_dovecot`.account TO 'toast_dovecot'@'@from@';
