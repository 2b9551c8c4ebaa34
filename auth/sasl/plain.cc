#include "auth/sasl/plain.h"

#include "auth/service.h"

namespace toast::auth::sasl {

Step Plain::hear(std::string_view message) {
  const std::size_t first = message.find('\0');
  if (first == std::string_view::npos) return Malformed{"PLAIN: one part, not three"};
  const std::size_t second = message.find('\0', first + 1);
  if (second == std::string_view::npos) return Malformed{"PLAIN: two parts, not three"};
  const std::string_view authorization = message.substr(0, first);
  const std::string_view name = message.substr(first + 1, second - first - 1);
  const std::string_view password = message.substr(second + 1);
  if (password.find('\0') != std::string_view::npos) return Malformed{"PLAIN: over three parts"};
  if (name.empty() || password.empty()) return Malformed{"PLAIN: no name or no password"};
  if (authorization.size() > kMaxLoginName || name.size() > kMaxLoginName)
    return Malformed{"PLAIN: name over its limit"};
  if (password.size() > kMaxPassword) return Malformed{"PLAIN: password over its limit"};
  return CheckPassword{std::string(authorization), std::string(name), Secret(password)};
}

}  // namespace toast::auth::sasl
