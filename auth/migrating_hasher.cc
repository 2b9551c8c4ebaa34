#include "auth/migrating_hasher.h"

#include "auth/crypt_hash.h"

namespace toast::auth {

Result<void> check_stored_hash(std::string_view stored, const HashCost& configured) {
  if (is_crypt_hash(stored)) return check_crypt_hash(stored);
  Result<StoredCost> cost = parse_stored_hash(stored);
  if (!cost) return pass(cost);
  return check_stored_cost(*cost, configured);
}

// A wrong password for a cheap old hash must not be answered sooner than one for an account that
// does not exist, which costs one argon2id: so it costs that besides.
Result<bool> MigratingHasher::verify(const std::string& stored, const Secret& password) const {
  if (!is_crypt_hash(stored)) return argon2_.verify(stored, password);
  Result<bool> right = verify_crypt_hash(stored, password);
  if (!right || *right) return right;
  Result<bool> paid = argon2_.verify(argon2_.dummy(), password);
  if (!paid) return paid;
  return false;
}

bool MigratingHasher::needs_rehash(std::string_view stored) const {
  return is_crypt_hash(stored) ? renew_imported_ : argon2_.needs_rehash(stored);
}

}  // namespace toast::auth
