// Addresses that lately refused or did not answer: they are tried last, so that not each message to
// a domain with one dead MX host waits for it anew. In memory; forgotten after kTroubleTime.
#pragma once

#include <vector>

#include "mta/remote/host_finder.h"
#include "mta/remote/recent_hosts.h"

namespace toast::remote {

// Short: a destination as a whole is given its back-off by the queue, this only orders its hosts.
inline constexpr std::chrono::seconds kTroubleTime{60};

class HostTroubles {
 public:
  explicit HostTroubles(const Clock& clock) : recent_(clock, kTroubleTime) {}
  void note(const Endpoint& host) { recent_.note(host); }
  void forget(const Endpoint& host) { recent_.forget(host); }
  // Those in trouble to the end, otherwise in the same order.
  void put_last(std::vector<Candidate>& candidates);
  std::size_t size() const { return recent_.size(); }

 private:
  RecentHosts recent_;
};

}  // namespace toast::remote
