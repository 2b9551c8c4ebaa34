#include "mta/remote/own_host.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "mta/message/ascii.h"

namespace toast::remote {
namespace {

bool is_any(const IpAddress& address) {  // 0.0.0.0 or ::
  return address == IpAddress() || address == IpAddress::v6({});
}

}  // namespace

bool OwnHost::has_name(std::string_view host) const {
  return std::any_of(names.begin(), names.end(),
                     [host](const std::string& name) { return ascii::equal_fold(name, host); });
}

bool OwnHost::has_endpoint(const Endpoint& endpoint) const {
  // A connection to 0.0.0.0 or :: goes to the loopback address.
  const bool here =
      endpoint.address.is_loopback() || is_any(endpoint.address) ||
      std::find(addresses.begin(), addresses.end(), endpoint.address) != addresses.end();
  return std::any_of(listeners.begin(), listeners.end(), [&](const Endpoint& listener) {
    return listener.port == endpoint.port &&
           (listener.address == endpoint.address || (here && is_any(listener.address)));
  });
}

std::vector<IpAddress> interface_addresses() {
  std::vector<IpAddress> addresses;
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, &::freeifaddrs);
  for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, entry->ifa_addr, sizeof v4);
      std::array<std::uint8_t, 4> bytes{};
      std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
      addresses.push_back(IpAddress::v4(bytes));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, entry->ifa_addr, sizeof v6);
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
      addresses.push_back(IpAddress::v6(bytes));
    }
  }
  return addresses;
}

bool has_global_ipv6(const std::vector<IpAddress>& addresses) {
  return std::any_of(addresses.begin(), addresses.end(), [](const IpAddress& address) {
    return !address.is_v4() && (address.bytes()[0] & 0xe0U) == 0x20U;
  });
}

}  // namespace toast::remote
