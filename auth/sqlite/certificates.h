// The certificates on SQLite, in db-auth/credentials.db. The file is opened for each call: they are
// few and seldom, and so an outage ends without a restart.
#pragma once

#include <string>

#include "auth/certificate_repository.h"
#include "base/sqlite.h"

namespace toast::auth {

class SqliteCertificates final : public CertificateRepository {
 public:
  SqliteCertificates(std::string path, sqlite::OpenOptions options)
      : path_(std::move(path)), options_(options) {}

  Result<std::vector<CertificateVersion>> list() override;
  Result<std::optional<StoredCertificate>> find(const std::string& domain) override;
  Result<void> put(const StoredCertificate& certificate) override;
  Result<bool> remove(const std::string& domain) override;

 private:
  Result<sqlite::Connection> open() const;
  std::string path_;
  sqlite::OpenOptions options_;
};

}  // namespace toast::auth
