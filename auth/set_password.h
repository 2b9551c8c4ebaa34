// Sets an account's password: checks it, hashes it (blocking, tens of milliseconds), stores the
// hash. The command line tool calls it before it adds the account to the directory: a credential
// without an account is harmless, an account without a credential cannot log in.
#pragma once

#include <string>

#include "auth/credentials_repository.h"
#include "auth/password_hash.h"
#include "base/clock.h"
#include "base/secret.h"

namespace toast::auth {

// Permanent, with a reply fit for the person who chose it: empty, longer than kMaxPassword, or with
// bytes that no client can send (NUL, CR, LF end a line in POP3 and SMTP).
[[nodiscard]] Result<void> check_password(const Secret& password);

[[nodiscard]] Result<void> set_password(CredentialsRepository& credentials,
                                        const PasswordHasher& hasher, const std::string& account,
                                        const Secret& password, WallTime now);

}  // namespace toast::auth
