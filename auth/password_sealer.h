// A password that can be had back, as it lies in the store: encrypted and authenticated by
// XChaCha20-Poly1305 under a key that is not there (auth/sealing_key.h), for one account and one
// stored hash. Moved to another account, or beside a hash that was changed, it does not open.
//
//   $sealed$1$KEYID$BASE64      KEYID: 6 bytes of a digest of the key; then nonce and ciphertext
//
// Of a password's length no more shows than in which 64 bytes it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kSealingKeyBytes = 32;
inline constexpr std::size_t kSealedBlock = 64;  // most passwords fit into one

enum class Seal : std::uint8_t {
  good,
  none,       // nothing is kept
  broken,     // made for another account or hash, damaged, or no text of ours
  other_key,  // by another node's key, or one that was lost
};

class PasswordSealer {
 public:
  PasswordSealer(Secret key, Random& random);  // kSealingKeyBytes
  // `password`: not empty, kMaxPassword at most.
  std::string seal(std::string_view account, std::string_view hash, const Secret& password,
                   Random& random) const;
  struct Opened {
    Seal seal = Seal::none;
    Secret password;  // without a good seal: one that nobody has
  };
  // Much the same work whatever it finds, so that time does not tell what is kept.
  Opened open(std::string_view account, std::string_view hash, std::string_view sealed) const;

 private:
  bool decrypt(std::string_view account, std::string_view hash, std::string_view text,
               Secret& password) const;
  Secret key_;
  std::string prefix_;
  std::string decoy_;  // opens for no account
};

}  // namespace toast::auth
