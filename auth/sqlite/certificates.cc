#include "auth/sqlite/certificates.h"

#include "auth/certificate_rows.h"
#include "base/migrations.h"
#include "schema/embedded.h"

namespace toast::auth {

Result<sqlite::Connection> SqliteCertificates::open() const {
  Result<sqlite::Connection> opened = sqlite::Connection::open(path_, options_);
  if (!opened) return opened;
  if (Result<void> usable = check_schema(*opened, schema::sqlite_credentials()); !usable)
    return pass(usable);
  return opened;
}

Result<std::vector<CertificateVersion>> SqliteCertificates::list() {
  Result<sqlite::Connection> db = open();
  if (!db) return pass(db);
  Result<sqlite::Statement> found =
      db->query("SELECT domain, sealed_for, changed_us FROM certificate ORDER BY domain LIMIT ?",
                static_cast<std::int64_t>(kMaxStoredCertificates));
  if (!found) return pass(found);
  return rows::certificate_versions(*found);
}

Result<std::optional<StoredCertificate>> SqliteCertificates::find(const std::string& domain) {
  Result<sqlite::Connection> db = open();
  if (!db) return pass(db);
  Result<sqlite::Statement> row = db->query(
      "SELECT chain, sealed_key, sealed_for, changed_us FROM certificate WHERE domain=?", domain);
  if (!row) return pass(row);
  return rows::one_certificate(domain, *row);
}

Result<void> SqliteCertificates::put(const StoredCertificate& one) {
  if (Result<void> good = rows::check_certificate(one); !good) return good;
  Result<sqlite::Connection> db = open();
  if (!db) return pass(db);
  Result<std::int64_t> done = db->run(
      "INSERT INTO certificate (domain, chain, sealed_key, sealed_for, changed_us)"
      " VALUES (?, ?, ?, ?, ?)"
      " ON CONFLICT (domain) DO UPDATE SET chain=excluded.chain, sealed_key=excluded.sealed_key,"
      " sealed_for=excluded.sealed_for, changed_us=excluded.changed_us",
      one.domain, one.chain, one.sealed_key, one.sealed_for, unix_microseconds(one.changed));
  if (!done) return pass(done);
  return {};
}

Result<bool> SqliteCertificates::remove(const std::string& domain) {
  Result<sqlite::Connection> db = open();
  if (!db) return pass(db);
  Result<std::int64_t> done = db->run("DELETE FROM certificate WHERE domain=?", domain);
  if (!done) return pass(done);
  return *done > 0;
}

}  // namespace toast::auth
