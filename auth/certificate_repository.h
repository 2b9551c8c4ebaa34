// The certificates in the credentials' database, beside those in tls/. toastctl writes them, authd
// reads them and hands them to keyd; their private keys are sealed, and neither can open one.
//
// Calls block. Any Error is "we do not know now", unless it is the caller's fault (permanent).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace toast::auth {

inline constexpr std::size_t kMaxCertificateDomain = 255;
inline constexpr std::size_t kMaxStoredChain = 64UL * 1024;  // PEM; ten certificates take half
inline constexpr std::size_t kMaxSealedKey = 32UL * 1024;    // base64; RSA of 8192 bits takes 9000
inline constexpr std::size_t kMaxSealedFor = 64;             // base64 of 32 bytes
inline constexpr std::size_t kMaxStoredCertificates = 20'000;

struct StoredCertificate {
  std::string domain;  // the name that clients ask for
  std::string chain;   // PEM
  std::string sealed_key;
  std::string sealed_for;  // the public key
  WallTime changed{};
  friend bool operator==(const StoredCertificate&, const StoredCertificate&) = default;
};

// What tells one state of a certificate from another.
struct CertificateVersion {
  std::string domain;
  std::string sealed_for;
  WallTime changed{};
  friend bool operator==(const CertificateVersion&, const CertificateVersion&) = default;
};

class CertificateRepository {
 public:
  virtual ~CertificateRepository() = default;
  // In byte order of their names; at most kMaxStoredCertificates.
  virtual Result<std::vector<CertificateVersion>> list() = 0;
  virtual Result<std::optional<StoredCertificate>> find(const std::string& domain) = 0;
  // Adds it or replaces the one of that name. Permanent: something is empty or over its limit.
  virtual Result<void> put(const StoredCertificate& certificate) = 0;
  // False: there was none.
  virtual Result<bool> remove(const std::string& domain) = 0;
};

// Everything, from one to the other; what is there already is written over. Read back and compared.
[[nodiscard]] Result<std::uint64_t> copy_certificates(CertificateRepository& from,
                                                      CertificateRepository& to);

}  // namespace toast::auth
