// Keyed digests (BLAKE2b) used as map keys: strangers choose the names and passwords that go in, so
// they must not be able to choose where they land, and what is remembered must not be the password.
#pragma once

#include <array>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kDigestKeyBytes = 32;  // crypto_generichash_KEYBYTES

using Digest = std::array<unsigned char, 32>;

// Every part is counted, so that ("ab","c") and ("a","bc") differ.
Digest keyed_digest(const Secret& key, std::initializer_list<std::string_view> parts);

struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t h = 0;
    std::memcpy(&h, digest.data(), sizeof h);  // already uniform
    return h;
  }
};

}  // namespace toast::auth
