#include "auth/mariadb/certificates.h"

#include "auth/certificate_rows.h"
#include "base/mariadb/migrations.h"
#include "schema/embedded.h"

namespace toast::auth {

MariadbCertificates::MariadbCertificates(std::shared_ptr<mariadb::Servers> servers)
    : db_(std::move(servers), [](mariadb::Connection& connection) {
        return mariadb::check_schema(connection, schema::mariadb_credentials());
      }) {}

Result<std::vector<CertificateVersion>> MariadbCertificates::list() {
  Result<mariadb::Rows> found =
      db_.query("SELECT domain, sealed_for, changed_us FROM certificate ORDER BY domain LIMIT ?",
                static_cast<std::int64_t>(kMaxStoredCertificates));
  if (!found) return pass(found);
  return rows::certificate_versions(*found);
}

Result<std::optional<StoredCertificate>> MariadbCertificates::find(const std::string& domain) {
  Result<mariadb::Rows> row = db_.query(
      "SELECT chain, sealed_key, sealed_for, changed_us FROM certificate WHERE domain = ?", domain);
  if (!row) return pass(row);
  return rows::one_certificate(domain, *row);
}

Result<void> MariadbCertificates::put(const StoredCertificate& one) {
  if (Result<void> good = rows::check_certificate(one); !good) return good;
  Result<std::int64_t> done = db_.run(
      "INSERT INTO certificate (domain, chain, sealed_key, sealed_for, changed_us)"
      " VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE chain = VALUES(chain),"
      " sealed_key = VALUES(sealed_key), sealed_for = VALUES(sealed_for),"
      " changed_us = VALUES(changed_us)",
      one.domain, one.chain, one.sealed_key, one.sealed_for, unix_microseconds(one.changed));
  if (!done) return pass(done);
  return {};
}

Result<bool> MariadbCertificates::remove(const std::string& domain) {
  Result<std::int64_t> done = db_.run("DELETE FROM certificate WHERE domain = ?", domain);
  if (!done) return pass(done);
  return *done > 0;
}

}  // namespace toast::auth
