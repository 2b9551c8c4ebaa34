// How this instance keeps a password that is set: the cost of its hash, and what SCRAM needs.
#pragma once

#include <memory>
#include <string>

#include "admin-cli/accounts.h"
#include "admin-cli/context.h"
#include "admin-cli/password_input.h"
#include "auth/credentials_repository.h"
#include "auth/password_hash.h"
#include "auth/programs/checkpassword_programs.h"
#include "base/random.h"

namespace toast::admin {

struct Keeping {
  std::unique_ptr<auth::PasswordHasher> hasher;
  Random* scram = nullptr;                 // none: without what SCRAM needs
  auth::CheckpasswordPrograms programs{};  // of domains whose passwords are kept elsewhere

  static Wanted<Keeping> by_settings(Context& context);
};

[[nodiscard]] Result<void> store_password(auth::CredentialsRepository& credentials,
                                          const Keeping& keeping, const std::string& account,
                                          const Password& password, WallTime now);

// How the password of a mailbox that exists differs from the one that was given; empty: it does
// not.
Wanted<std::string> password_difference(Accounts& accounts, const Keeping& keeping,
                                        const Address& account, const Password& given);

}  // namespace toast::admin
