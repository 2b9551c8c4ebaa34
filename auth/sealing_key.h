// The key that seals passwords which can be had back (auth/password_sealer.h): a file that authd
// makes when it first needs one and reads when it starts. One line, base64. Several nodes on one
// store need the same file.
#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace toast::auth {

// Below db-auth/.
inline constexpr const char* kSealingKeyFile = "reversible.key";

// Made where there is none, mode 0600. Permanent: others may read it, or it is no key.
[[nodiscard]] Result<Secret> sealing_key(const std::string& path, Random& random);

}  // namespace toast::auth
