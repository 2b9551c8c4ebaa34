// LOGIN: never a standard (draft-murchison-sasl-login), and all that some clients know. The server
// asks for the name and then for the password, each a message of its own; an initial response is
// the name.
#pragma once

#include "auth/sasl/mechanism.h"

namespace toast::auth::sasl {

// Clients compare with these very words.
inline constexpr std::string_view kAskName = "Username:";
inline constexpr std::string_view kAskPassword = "Password:";

class LoginNames final : public Mechanism {
 public:
  Step begin() override { return Challenge{std::string(kAskName)}; }
  Step hear(std::string_view message) override;

 private:
  std::string name_;  // empty: not heard yet
};

}  // namespace toast::auth::sasl
