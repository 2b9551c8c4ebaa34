-- The two databases and their three users, for who administers the MariaDB server:
--   toastctl schema grants | mariadb
-- prints this file with the names and passwords of an instance and the place from which its programs
-- connect. Each program may do what it does and no more: toast-vdomaind reads the directory,
-- toast-authd reads credentials and writes last logins and renewed hashes, toastctl changes both and
-- their layout. It can be run again; then it sets passwords and rights anew.

CREATE DATABASE IF NOT EXISTS `@directorydb@` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE DATABASE IF NOT EXISTS `@credentialsdb@` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE OR REPLACE USER 'toast_vdomaind'@'@from@' IDENTIFIED BY '@vdomaind_password@'@require@;
GRANT SELECT ON `@directorydb_pattern@`.* TO 'toast_vdomaind'@'@from@';

CREATE OR REPLACE USER 'toast_authd'@'@from@' IDENTIFIED BY '@authd_password@'@require@;
GRANT SELECT, INSERT, UPDATE ON `@credentialsdb_pattern@`.* TO 'toast_authd'@'@from@';

CREATE OR REPLACE USER 'toast_toastctl'@'@from@' IDENTIFIED BY '@toastctl_password@'@require@;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, REFERENCES
  ON `@directorydb_pattern@`.* TO 'toast_toastctl'@'@from@';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, REFERENCES
  ON `@credentialsdb_pattern@`.* TO 'toast_toastctl'@'@from@';
