// The switch that lets an account's password be kept so that it can be had back. It lies beside the
// password, not in the directory; the password itself is authd's to keep, which alone has the key.
#pragma once

#include <string>
#include <string_view>

#include "admin-cli/accounts.h"

namespace toast::admin {

// "off"; "awaited": it is kept after the next login in clear text; "kept".
std::string_view reversible_state(const auth::Credential& credential);

// Is it another one now? On for an account without a password is a failure.
Wanted<bool> would_switch_reversible(Accounts& accounts, const std::string& account, bool on);
// Off drops what is kept. Recorded.
Wanted<bool> switch_reversible(Context& context, Accounts& accounts, const std::string& account,
                               bool on);

}  // namespace toast::admin
