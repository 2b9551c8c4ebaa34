#include "mta/remote/host_troubles.h"

#include <algorithm>

namespace toast::remote {

void HostTroubles::note(const Endpoint& host) {
  if (until_.size() >= kMaxTroubles) sweep();
  if (until_.size() >= kMaxTroubles) return;
  until_[host] = clock_.steady() + kTroubleTime;
}

void HostTroubles::sweep() {
  const SteadyTime now = clock_.steady();
  std::erase_if(until_, [now](const auto& entry) { return entry.second <= now; });
}

bool HostTroubles::is_in_trouble(const Endpoint& host) const {
  const auto found = until_.find(host);
  return found != until_.end() && found->second > clock_.steady();
}

void HostTroubles::put_last(std::vector<Candidate>& candidates) {
  std::stable_partition(candidates.begin(), candidates.end(),
                        [this](const Candidate& c) { return !is_in_trouble(c.endpoint); });
}

}  // namespace toast::remote
