#include "auth/digest.h"

#include <sodium.h>

#include <cstdint>

namespace toast::auth {

static_assert(kDigestKeyBytes == crypto_generichash_KEYBYTES);
static_assert(sizeof(Digest) == crypto_generichash_BYTES);

Digest keyed_digest(const Secret& key, std::initializer_list<std::string_view> parts) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.data(), key.size(), sizeof(Digest));
  for (const std::string_view part : parts) {
    const std::uint64_t size = part.size();
    unsigned char counted[sizeof size];
    std::memcpy(counted, &size, sizeof size);
    crypto_generichash_update(&state, counted, sizeof counted);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                              part.size());
  }
  Digest digest;
  crypto_generichash_final(&state, digest.data(), digest.size());
  sodium_memzero(&state, sizeof state);
  return digest;
}

}  // namespace toast::auth
