// Password hashes that other systems wrote by crypt(3): traditional DES, BSDi's, MD5, bcrypt,
// SHA-256, SHA-512, scrypt, yescrypt; also behind Dovecot's prefixes ("{SHA512-CRYPT}$6$..."). They
// are verified where they stand, and new ones are never made.
//
// As with argon2, a stored hash chooses its own cost, so that is checked before it is paid: about
// two seconds of one core and 256 MiB at the most.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr unsigned kMaxBcryptCost = 12;       // 2^12 rounds: 1.7 s
inline constexpr unsigned kMaxShaRounds = 1000000;   // of SHA-256 and SHA-512: 1.4 s
inline constexpr unsigned kMaxBsdiRounds = 1000000;  // of extended DES: about 2 s
inline constexpr unsigned kMaxScryptLogN = 16;       // with r = 32: 256 MiB; scrypt and yescrypt
inline constexpr unsigned kMaxScryptBlock = 32;      // r: what crypt_gensalt(3) writes

// Does it look like one of these, whatever is in it? Everything else is argon2's, or unknown.
bool is_crypt_hash(std::string_view stored);
// Permanent: damaged, or a cost over the limits.
[[nodiscard]] Result<void> check_crypt_hash(std::string_view stored);
// Blocks. Errors as above; transient: no memory. `stored` satisfies is_crypt_hash().
[[nodiscard]] Result<bool> verify_crypt_hash(std::string_view stored, const Secret& password);

}  // namespace toast::auth
