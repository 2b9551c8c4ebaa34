#include "mta/compat/complete_address.h"

namespace toast::compat {

void complete_address(ListedAddress& address, const HostDefaults& defaults) {
  if (address.is_null || address.host == "[]") return;
  std::string& last = address.host.empty() ? address.local : address.host;
  if (last.size() > 1 && last.ends_with('.')) last.pop_back();
  std::string& host = address.host;
  if (host.empty()) host = defaults.host;
  if (host.ends_with('+')) {
    host.back() = '.';
    host += defaults.plus_domain;
  } else if (host.find('.') == std::string::npos && !host.starts_with('[')) {
    host += "." + defaults.domain;
  }
}

}  // namespace toast::compat
