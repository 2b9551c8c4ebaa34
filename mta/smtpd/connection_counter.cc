#include "mta/smtpd/connection_counter.h"

namespace toast::smtpd {

Admission ConnectionCounter::enter(const IpAddress& peer, bool counted, std::size_t max_total,
                                   std::size_t max_per_peer) {
  if (total_ >= max_total) return Admission::too_many;
  if (counted) {
    const auto [entry, added] = by_peer_.try_emplace(accounting_address(peer), 0);
    if (entry->second >= max_per_peer) {
      if (added) by_peer_.erase(entry);
      return Admission::too_many_from_peer;
    }
    ++entry->second;
  }
  ++total_;
  return Admission::admitted;
}

void ConnectionCounter::leave(const IpAddress& peer, bool counted) {
  --total_;
  if (!counted) return;
  const auto entry = by_peer_.find(accounting_address(peer));
  if (entry != by_peer_.end() && --entry->second == 0) by_peer_.erase(entry);
}

}  // namespace toast::smtpd
