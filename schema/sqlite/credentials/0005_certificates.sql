-- works-with: 1
-- Certificates of the TLS listeners, beside those in tls/. The private key is sealed (libsodium's sealed box, base64)
-- for the public key in sealed_for; only a toast-keyd that has the other half can open it.
CREATE TABLE certificate (
  domain     TEXT PRIMARY KEY,               -- the name that clients ask for
  chain      TEXT NOT NULL,                  -- PEM, the host's own first
  sealed_key TEXT NOT NULL,
  sealed_for TEXT NOT NULL,
  changed_us INTEGER NOT NULL                -- microseconds since 1970, when it was installed
) STRICT, WITHOUT ROWID;
