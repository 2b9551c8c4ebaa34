// The candidates of a next hop out of the DNS (RFC 5321 section 5.1, RFC 7505).
//
// For a domain: its MX hosts by preference, equal ones in random order; the domain itself if it has
// no MX record (never because one failed). From the preference at which this host itself is listed
// nothing is used, or mail would go in circles. For a host that the administrator named: its
// addresses, whatever they are.
#pragma once

#include <string>
#include <vector>

#include "base/dns.h"
#include "base/random.h"
#include "mta/remote/host_finder.h"
#include "mta/remote/own_host.h"

namespace toast::remote {

// Bounds for one find(). A domain's owner writes its records: he may not make us ask without end.
inline constexpr std::size_t kMaxHostLookups = 16;  // MX hosts whose addresses are asked for
inline constexpr std::size_t kHostsAtATime = 4;     // side by side; a host is two questions

class DnsHostFinder final : public HostFinder {
 public:
  struct Options {
    OwnHost own;
    bool prefer_ipv6 = false;  // we have a global IPv6 address; else IPv4 addresses come first
  };
  DnsHostFinder(Dns& dns, Random& random, Options options)
      : dns_(dns), random_(random), options_(std::move(options)) {}

  Task<Result<std::vector<Candidate>>> find(NextHop hop) override;

 private:
  using Found = Result<std::vector<Candidate>>;

  Task<Found> find_named_host(NextHop hop);
  Task<Found> find_mx(NextHop hop);
  Task<Result<AddressAnswer>> locate(std::string host);
  Result<std::vector<MxRecord>> mail_hosts(const std::string& domain, MxAnswer answer);

  Dns& dns_;
  Random& random_;
  Options options_;
};

}  // namespace toast::remote
