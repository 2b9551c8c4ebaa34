-- works-with: 1
-- Random values that every authd on this store must have in common, by what they are for; base64.
CREATE TABLE secret (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
