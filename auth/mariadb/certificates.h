// The certificates in a MariaDB database: auth/certificate_repository.h. Not safe for use by two
// threads: each has its own.
#pragma once

#include <memory>

#include "auth/certificate_repository.h"
#include "base/mariadb/database.h"

namespace toast::auth {

class MariadbCertificates final : public CertificateRepository {
 public:
  explicit MariadbCertificates(std::shared_ptr<mariadb::Servers> servers);

  Result<std::vector<CertificateVersion>> list() override;
  Result<std::optional<StoredCertificate>> find(const std::string& domain) override;
  Result<void> put(const StoredCertificate& certificate) override;
  Result<bool> remove(const std::string& domain) override;

 private:
  mariadb::Database db_;
};

}  // namespace toast::auth
