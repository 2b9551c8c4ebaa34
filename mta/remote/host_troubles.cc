#include "mta/remote/host_troubles.h"

#include <algorithm>

namespace toast::remote {

void HostTroubles::put_last(std::vector<Candidate>& candidates) {
  std::stable_partition(candidates.begin(), candidates.end(),
                        [this](const Candidate& c) { return !recent_.contains(c.endpoint); });
}

}  // namespace toast::remote
