// The text of a stored hash: from our own database, but also from imports. Parsing never crashes;
// what parses names a cost that is not nothing; verifying a hash of a small cost never crashes
// either.
#include <cstdlib>

#include "auth/credentials_repository.h"
#include "auth/crypt_hash.h"
#include "auth/password_hash.h"

using namespace toast;
using namespace toast::auth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kQuick = 64 * 1024;  // bytes x passes: keep the fuzzer fast
  static const Argon2Hasher hasher(HashCost{8192, 1});
  const std::string stored(reinterpret_cast<const char*>(data), size);
  if (is_crypt_hash(stored)) {
    // Sound ones may take seconds: verifying them is for the tests.
    if (!check_crypt_hash(stored) && verify_crypt_hash(stored, Secret("x"))) std::abort();
    return 0;
  }
  const Result<StoredCost> cost = parse_stored_hash(stored);
  if (!cost) {
    if (hasher.verify(stored, Secret("x"))) std::abort();  // an error, never an answer
    if (hasher.needs_rehash(stored)) std::abort();
    return 0;
  }
  if (stored.size() > kMaxHashBytes || cost->cost.memory_bytes == 0 || cost->cost.passes == 0 ||
      cost->lanes == 0)
    std::abort();
  if (cost->cost.memory_bytes <= kQuick && cost->cost.passes <= 2 && cost->lanes <= 2)
    (void)hasher.verify(stored, Secret("x"));
  return 0;
}
