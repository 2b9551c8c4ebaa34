// PLAIN (RFC 4616): [authorization] NUL name NUL password, in one message.
//
// Deviation: bytes that are no UTF-8 are taken as they are. Passwords that came from another system
// may have been chosen in Latin-1; USER and PASS take them, too.
#pragma once

#include "auth/sasl/mechanism.h"

namespace toast::auth::sasl {

class Plain final : public Mechanism {
 public:
  Step begin() override { return Challenge{}; }  // RFC 4422 section 5: an empty challenge
  Step hear(std::string_view message) override;
};

}  // namespace toast::auth::sasl
