// What a handshake of a server needs from the keeper of its private key: one signature. OpenSSL
// asks for it deep inside SSL_do_handshake(), which then stands still (SSL_MODE_ASYNC) while the
// question goes to the keeper and other connections go on; engine.h has the two steps as plain
// calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/result.h"

namespace toast::tls {

// RFC 8446 section 4.2.3. TLS 1.2 writes the same numbers (RFC 5246: hash, then kind of key).
enum class SignatureScheme : std::uint16_t {
  rsa_pkcs1_sha256 = 0x0401,  // TLS 1.2 only
  rsa_pkcs1_sha384 = 0x0501,
  rsa_pkcs1_sha512 = 0x0601,
  ecdsa_sha256 = 0x0403,
  ecdsa_sha384 = 0x0503,
  ecdsa_sha512 = 0x0603,
  rsa_pss_sha256 = 0x0804,
  rsa_pss_sha384 = 0x0805,
  rsa_pss_sha512 = 0x0806,
};

struct SignatureRequest {
  std::string key_id;  // certificate.h
  SignatureScheme scheme = SignatureScheme::ecdsa_sha256;
  std::string text;  // all of it, not a digest: the keeper looks at what it signs
};

// One handshake's question and its answer.
struct Signing {
  std::optional<SignatureRequest> wanted;
  std::optional<Result<std::string>> given;
};

// What OpenSSL wants signed on this thread, while this lives, goes to `signing`.
class SigningScope {
 public:
  explicit SigningScope(Signing& signing);
  ~SigningScope();
  SigningScope(const SigningScope&) = delete;
  SigningScope& operator=(const SigningScope&) = delete;

 private:
  Signing* outer_;
};

// The keeper, as a server sees it.
class Signer {
 public:
  virtual ~Signer() = default;
  // An error is transient: the keeper is away, too slow, or has no such key any more.
  virtual Task<Result<std::string>> sign(SignatureRequest request) = 0;
};

}  // namespace toast::tls
