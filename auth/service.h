// The services one can log in to, and the limits that both sides of a login agree on. The numbers
// go into tickets and messages, the names into the last-login table: add at the end, never
// renumber.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace toast::auth {

enum class Service : unsigned char { pop3, smtp, imap, checkpassword };
inline constexpr Service kLastService = Service::checkpassword;

inline constexpr std::size_t kMaxLoginName = 320;      // RFC 5321 section 4.5.3.1: 64 + @ + 255
inline constexpr std::size_t kMaxAccountDomain = 255;  // RFC 5321 section 4.5.3.1.2
inline constexpr std::size_t kMaxPassword = 1024;      // long pass phrases pass, floods do not
inline constexpr std::size_t kMaxMaildirPath = 512;    // below mail/
inline constexpr std::size_t kMaxFrontEndName = 64;    // "toast-pop3d.1"
inline constexpr std::size_t kMaxConnection = 64;      // a front end's name for one connection
inline constexpr std::size_t kMaxTicketBytes = 2048;   // more than the limits above can make

constexpr std::string_view service_name(Service service) {
  switch (service) {
    case Service::pop3:
      return "pop3";
    case Service::smtp:
      return "smtp";
    case Service::imap:
      return "imap";
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
