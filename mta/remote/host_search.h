// What the hosts of one next hop turned out to be, and which of their addresses are tried. No DNS
// and no waiting here: a host finder adds what it has learnt, best preference first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dns.h"
#include "mta/remote/host_finder.h"
#include "mta/remote/own_host.h"

namespace toast::remote {

// Of one host, when there are others: a host with many dead addresses must leave room for the next.
inline constexpr std::size_t kMaxAddressesPerHost = kMaxCandidates / 2;

class HostSearch {
 public:
  // `own`: hosts that are ourselves end the list; none for a host that the administrator named.
  HostSearch(std::string name, std::uint16_t port, bool prefer_ipv6, const OwnHost* own)
      : name_(std::move(name)), port_(port), prefer_ipv6_(prefer_ipv6), own_(own) {}

  void add(const MxRecord& host, const Result<AddressAnswer>& answer);
  // Nothing that comes after can add a candidate. To be asked between two preferences only: of
  // equal ones the last may turn out to be ourselves.
  bool is_full() const;
  bool found_ourselves() const { return own_preference_.has_value(); }

  // `complete`: every host there is was added.
  Result<std::vector<Candidate>> candidates(bool complete) const;

 private:
  struct Located {
    MxRecord host;
    std::vector<IpAddress> addresses;  // never empty, in the order of trying
  };
  struct Unknown {
    std::uint16_t preference;
    std::string detail;
  };
  bool is_usable(const MxRecord& host) const;
  tl::unexpected<Error> nothing_to_try(bool complete) const;

  std::string name_;
  std::uint16_t port_;
  bool prefer_ipv6_;
  const OwnHost* own_;
  std::vector<Located> located_;
  std::optional<Unknown> unknown_;  // the best host of which the DNS could not tell
  std::optional<std::uint16_t> own_preference_;
};

// The outcomes that a next hop may have before any address is known, too.
tl::unexpected<Error> cannot_tell_now(const std::string& name, std::string detail);
tl::unexpected<Error> comes_back_to_us(const std::string& name);

// A host's addresses in the order of trying: the families in turn when IPv6 comes first, as either
// may be broken on the way; else IPv4 and then IPv6.
std::vector<IpAddress> in_order(const AddressAnswer& answer, bool prefer_ipv6);

}  // namespace toast::remote
