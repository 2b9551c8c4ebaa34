// What authd and toastctl verify and hash with: argon2id for what is new, and of what is stored
// also the hashes that came from another system.
#pragma once

#include <string>
#include <string_view>

#include "auth/password_hash.h"

namespace toast::auth {

// Can a hash with this text be verified here? Permanent, in words for whoever wants to store it.
[[nodiscard]] Result<void> check_stored_hash(std::string_view stored, const HashCost& configured);

class MigratingHasher final : public PasswordHasher {
 public:
  // `renew_imported`: a good login is the moment to replace a hash of crypt(3).
  MigratingHasher(HashCost cost, bool renew_imported)
      : argon2_(cost), renew_imported_(renew_imported) {}
  [[nodiscard]] Result<bool> verify(const std::string& stored,
                                    const Secret& password) const override;
  [[nodiscard]] Result<std::string> hash(const Secret& password) const override {
    return argon2_.hash(password);
  }
  bool needs_rehash(std::string_view stored) const override;
  const std::string& dummy() const override { return argon2_.dummy(); }

 private:
  Argon2Hasher argon2_;
  bool renew_imported_;
};

}  // namespace toast::auth
