#include "auth/sasl/login.h"

#include "auth/service.h"

namespace toast::auth::sasl {

Step LoginNames::hear(std::string_view message) {
  if (message.find('\0') != std::string_view::npos) return Malformed{"LOGIN: NUL"};
  if (message.empty()) return Malformed{"LOGIN: no name or no password"};
  if (name_.empty()) {
    if (message.size() > kMaxLoginName) return Malformed{"LOGIN: name over its limit"};
    name_ = message;
    return Challenge{std::string(kAskPassword)};
  }
  if (message.size() > kMaxPassword) return Malformed{"LOGIN: password over its limit"};
  return CheckPassword{{}, std::move(name_), Secret(message)};
}

}  // namespace toast::auth::sasl
