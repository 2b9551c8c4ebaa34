// Certificates and private keys as they lie in files (PEM), and a self-signed pair for the start.
// Parsers of trusted files: an administrator or an ACME client wrote them. Errors say what is wrong
// in words that help him.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/tls/remote_key.h"
#include "base/tls/signing.h"

namespace toast::tls {

inline constexpr std::size_t kMaxCertificateFile = 256UL * 1024;
inline constexpr std::size_t kMaxKeyFile = 64UL * 1024;
inline constexpr std::size_t kMaxChain = 10;

struct Certificate {
  std::vector<std::string> chain;  // DER: the host's own first, then each issuer
  std::vector<std::string> names;  // of hosts, lower case; "*.example.org" is possible
  std::string subject;
  std::string issuer;
  std::string key_type;    // "EC P-256", "RSA 2048"
  std::string public_key;  // SubjectPublicKeyInfo, DER
  std::string key_id;      // its SHA-256
  WallTime not_before;
  WallTime not_after;
  bool self_signed = false;
};
// Refuses what a server cannot use: no certificate, an order of the chain that clients do not
// follow, a kind or size of key that this server does not sign with.
[[nodiscard]] Result<Certificate> parse_certificate(std::string_view pem);

class PrivateKey {
 public:
  [[nodiscard]] static Result<PrivateKey> parse(std::string_view pem);
  const std::string& key_id() const { return key_id_; }
  // Permanent: the scheme is not one for this kind of key.
  [[nodiscard]] Result<std::string> sign(SignatureScheme scheme, std::string_view text) const;

 private:
  PrivateKey(KeyHandle key, std::string key_id)
      : key_(std::move(key)), key_id_(std::move(key_id)) {}
  KeyHandle key_;
  std::string key_id_;
};

struct PemPair {
  std::string certificate;
  std::string key;
};
// For `host_name`, valid for ten years from `now`.
[[nodiscard]] Result<PemPair> make_self_signed(const std::string& host_name, WallTime now);

}  // namespace toast::tls
