#include "mta/remote/recent_hosts.h"

namespace toast::remote {

void RecentHosts::note(const Endpoint& host) {
  if (until_.size() >= kMaxRecentHosts) sweep();
  if (until_.size() >= kMaxRecentHosts) return;
  until_[host] = clock_.steady() + time_;
}

void RecentHosts::sweep() {
  const SteadyTime now = clock_.steady();
  std::erase_if(until_, [now](const auto& entry) { return entry.second <= now; });
}

bool RecentHosts::contains(const Endpoint& host) const {
  const auto found = until_.find(host);
  return found != until_.end() && found->second > clock_.steady();
}

}  // namespace toast::remote
