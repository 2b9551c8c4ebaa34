-- works-with: 1
-- Certificates of the TLS listeners, beside those in tls/. The private key is sealed (libsodium's sealed box, base64)
-- for the public key in sealed_for; only a toast-keyd that has the other half can open it.
CREATE TABLE IF NOT EXISTS certificate (
  domain     VARCHAR(255) NOT NULL PRIMARY KEY,  -- the name that clients ask for
  chain      MEDIUMTEXT NOT NULL,                -- PEM, the host's own first
  sealed_key MEDIUMTEXT NOT NULL,
  sealed_for VARCHAR(64) NOT NULL,
  changed_us BIGINT NOT NULL                     -- microseconds since 1970, when it was installed
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
