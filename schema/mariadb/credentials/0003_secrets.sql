-- works-with: 1
-- Random values that every authd on this store must have in common, by what they are for; base64.
CREATE TABLE IF NOT EXISTS secret (
  name  VARCHAR(64) NOT NULL PRIMARY KEY,
  value VARCHAR(128) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
