// Addresses that lately refused or did not answer: they are tried last, so that not each message to
// a domain with one dead MX host waits for it anew. In memory; forgotten after kTroubleTime.
#pragma once

#include <map>
#include <vector>

#include "base/clock.h"
#include "mta/remote/host_finder.h"

namespace toast::remote {

// Short: a destination as a whole is given its back-off by the queue, this only orders its hosts.
inline constexpr std::chrono::seconds kTroubleTime{60};
inline constexpr std::size_t kMaxTroubles = 10'000;  // more are not remembered

class HostTroubles {
 public:
  explicit HostTroubles(const Clock& clock) : clock_(clock) {}
  void note(const Endpoint& host);
  void forget(const Endpoint& host) { until_.erase(host); }
  // Those in trouble to the end, otherwise in the same order.
  void put_last(std::vector<Candidate>& candidates);
  std::size_t size() const { return until_.size(); }

 private:
  bool is_in_trouble(const Endpoint& host) const;
  void sweep();

  const Clock& clock_;
  std::map<Endpoint, SteadyTime> until_;
};

}  // namespace toast::remote
