// The services one can log in to. The numbers go into tickets, messages and the last-login table:
// add at the end, never renumber.
#pragma once

#include <optional>
#include <string_view>

namespace toast::auth {

enum class Service : unsigned char { pop3, imap, submission, checkpassword };
inline constexpr Service kLastService = Service::checkpassword;

constexpr std::string_view service_name(Service service) {
  switch (service) {
    case Service::pop3:
      return "pop3";
    case Service::imap:
      return "imap";
    case Service::submission:
      return "submission";
    case Service::checkpassword:
      return "checkpassword";
  }
  return "unknown";
}

constexpr std::optional<Service> parse_service(std::string_view name) {
  for (unsigned char n = 0; n <= static_cast<unsigned char>(kLastService); ++n) {
    if (service_name(static_cast<Service>(n)) == name) return static_cast<Service>(n);
  }
  return std::nullopt;
}

}  // namespace toast::auth
