// The credentials moved from one repository to another, and the proof. It can be repeated: what is
// there already is written over.
#pragma once

#include <cstdint>

#include "auth/credentials_repository.h"

namespace toast::auth {

// The number of accounts. Each is read back and compared.
[[nodiscard]] Result<std::uint64_t> copy_credentials(CredentialsRepository& from,
                                                     CredentialsRepository& to);

}  // namespace toast::auth
