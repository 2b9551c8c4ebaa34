// How many connections are open, in all and for each peer: an IPv4 address, or an IPv6 /64, which
// is what one customer has. Bounded by the connections themselves: a peer without one has no entry.
#pragma once

#include <cstddef>
#include <map>

#include "base/ip_address.h"

namespace toast::smtpd {

enum class Admission : unsigned char { admitted, too_many, too_many_from_peer };

class ConnectionCounter {
 public:
  // `counted` false: the peer's own limit does not apply (loopback, relay networks).
  Admission enter(const IpAddress& peer, bool counted, std::size_t max_total,
                  std::size_t max_per_peer);
  // Once for each admission, with the same arguments.
  void leave(const IpAddress& peer, bool counted);
  std::size_t total() const { return total_; }
  std::size_t peers() const { return by_peer_.size(); }

 private:
  std::size_t total_ = 0;
  std::map<IpAddress, std::size_t> by_peer_;
};

}  // namespace toast::smtpd
