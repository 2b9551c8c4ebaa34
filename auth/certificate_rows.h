// What the repositories of certificates have in common whichever database they use.
#pragma once

#include "auth/certificate_repository.h"
#include "auth/credential_rows.h"

namespace toast::auth::rows {

[[nodiscard]] inline Result<void> check_certificate(const StoredCertificate& one) {
  const auto fits = [](const std::string& text, std::size_t most) {
    return !text.empty() && text.size() <= most && text.find('\0') == std::string::npos;
  };
  if (!fits(one.domain, kMaxCertificateDomain)) return permanent("certificate: bad name");
  if (!fits(one.chain, kMaxStoredChain))
    return permanent("certificate: " + std::to_string(one.chain.size()) + " bytes of chain; " +
                     std::to_string(kMaxStoredChain) + " fit into the database");
  if (!fits(one.sealed_key, kMaxSealedKey) || !fits(one.sealed_for, kMaxSealedFor))
    return permanent("certificate: a key of " + std::to_string(one.sealed_key.size()) + " bytes");
  return {};
}

// domain, sealed_for, changed_us
template <class Row>
[[nodiscard]] Result<std::vector<CertificateVersion>> certificate_versions(Row& row) {
  std::vector<CertificateVersion> all;
  for (;;) {
    Result<bool> there = row.step();
    if (!there) return pass(there);
    if (!*there) return all;
    all.push_back({row.string(0), row.string(1), wall_from(row.integer(2))});
  }
}

// chain, sealed_key, sealed_for, changed_us
template <class Row>
[[nodiscard]] Result<std::optional<StoredCertificate>> one_certificate(const std::string& domain,
                                                                       Row& row) {
  Result<bool> there = row.step();
  if (!there) return pass(there);
  if (!*there) return std::optional<StoredCertificate>{};
  return std::optional<StoredCertificate>(StoredCertificate{
      domain, row.string(0), row.string(1), row.string(2), wall_from(row.integer(3))});
}

}  // namespace toast::auth::rows
