// toastctl and the certificates in the credentials' database: each step as the owner of what it
// touches (db-auth/ for the database, tls/ for the key that seals), so root opens neither.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin-cli/instance.h"
#include "auth/certificate_repository.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"

namespace toast::admin {

class CertificateDatabase {
 public:
  // Nothing is connected yet. Reads db-admin/, so before this process gives up being root.
  static Wanted<CertificateDatabase> open(const Instance& instance, const Clock& clock);

  Result<std::vector<auth::StoredCertificate>> all() const;
  Result<void> put(const auth::StoredCertificate& certificate) const;
  Result<bool> remove(const std::string& domain) const;

 private:
  using Open = std::function<std::unique_ptr<auth::CertificateRepository>()>;
  CertificateDatabase(Owner owner, Open open) : owner_(owner), open_(std::move(open)) {}
  Owner owner_;
  Open open_;
};

// A private key, sealed so that keyd can open it; makes the sealing key where there is none yet.
// Refuses where `stored` has something for another sealing key: that is the one of another node.
// None: `stored` has the same pair already.
[[nodiscard]] Result<std::optional<auth::StoredCertificate>> seal_certificate(
    const std::string& tls_folder, const Owner& owner, Random& random, const std::string& domain,
    const std::string& chain, const Secret& key,
    const std::vector<auth::StoredCertificate>& stored);

}  // namespace toast::admin
