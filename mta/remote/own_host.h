// What is ourselves, to see that a domain's mail would come back to us (RFC 5321 section 5.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace toast::remote {

struct OwnHost {
  std::vector<std::string> names;    // me, helohost
  std::vector<IpAddress> addresses;  // of our interfaces
  std::vector<Endpoint> listeners;   // where our SMTP server listens; 0.0.0.0 and :: mean all
  bool has_name(std::string_view host) const;
  // Would a connection to there reach our own SMTP server? Ports count: another server on this
  // machine is another host.
  bool has_endpoint(const Endpoint& endpoint) const;
};

// The addresses of this machine's interfaces as they are now. Empty if the kernel does not tell.
std::vector<IpAddress> interface_addresses();
// Is one of them an IPv6 address with which the Internet can be reached (2000::/3)?
bool has_global_ipv6(const std::vector<IpAddress>& addresses);

}  // namespace toast::remote
