// Sets an account's password: checks it, hashes it (blocking, tens of milliseconds), stores the
// hash. The command line tool calls it before it adds the account to the directory: a credential
// without an account is harmless, an account without a credential cannot log in.
#pragma once

#include <string>

#include "auth/credentials_repository.h"
#include "auth/password_hash.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"

namespace toast::auth {

// Permanent, with a reply fit for the person who chose it: empty, longer than kMaxPassword, or with
// bytes that no client can send (NUL, CR, LF end a line in POP3 and SMTP).
[[nodiscard]] Result<void> check_password(const Secret& password);

// What set_password() would store, to be stored together with others.
[[nodiscard]] Result<NewCredential> make_credential(const PasswordHasher& hasher,
                                                    const std::string& account,
                                                    const Secret& password,
                                                    Random* scram = nullptr);

// The password as SASLprep leaves it is hashed. With `scram` what SCRAM needs of it is kept, too,
// under a salt from there.
[[nodiscard]] Result<void> set_password(CredentialsRepository& credentials,
                                        const PasswordHasher& hasher, const std::string& account,
                                        const Secret& password, WallTime now,
                                        Random* scram = nullptr);

// Is it the one that was hashed: as SASLprep leaves it, or as it was typed, for hashes that another
// system made.
[[nodiscard]] Result<bool> verify_password(const PasswordHasher& hasher, const std::string& stored,
                                           const Secret& password);

}  // namespace toast::auth
