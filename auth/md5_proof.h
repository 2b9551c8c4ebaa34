// What a client shows in place of its password by CRAM-MD5 (RFC 2195) and APOP (RFC 1939 section
// 7): MD5 over the server's challenge and the password. To check it the server needs the password
// itself (auth/password_sealer.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

struct ossl_lib_ctx_st;

namespace toast::auth {

inline constexpr std::size_t kMd5Digits = 32;

struct Md5Proof {
  enum class By : std::uint8_t { cram_md5, apop };
  By by = By::cram_md5;
  std::string challenge;  // that the client was given
  std::string digest;     // kMd5Digits, lower case
};

// As both RFCs have it: hexadecimal digits, here of either case, made lower. None: they are not.
std::optional<std::string> md5_digits(std::string_view text);

// MD5 and HMAC-MD5 (RFC 2104) by OpenSSL, in a context of its own: what the host's openssl.cnf says
// of providers is not asked. Safe to call from several threads.
class Md5 {
 public:
  Md5();  // throws std::bad_alloc
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;

  // What a client that has this password shows. Transient: OpenSSL has no memory, or no MD5.
  [[nodiscard]] Result<std::string> digest_of(Md5Proof::By by, std::string_view challenge,
                                              const Secret& password) const;
  // In constant time.
  [[nodiscard]] Result<bool> proves(const Md5Proof& proof, const Secret& password) const;

 private:
  ossl_lib_ctx_st* context_;
};

}  // namespace toast::auth
