// Addresses about which something was found out lately, each for the same time. In memory, bounded.
#pragma once

#include <chrono>
#include <map>

#include "base/clock.h"
#include "base/ip_address.h"

namespace toast::remote {

inline constexpr std::size_t kMaxRecentHosts = 10'000;  // more are not remembered

class RecentHosts {
 public:
  RecentHosts(const Clock& clock, std::chrono::seconds time) : clock_(clock), time_(time) {}
  void note(const Endpoint& host);
  void forget(const Endpoint& host) { until_.erase(host); }
  bool contains(const Endpoint& host) const;
  std::size_t size() const { return until_.size(); }

 private:
  void sweep();

  const Clock& clock_;
  std::chrono::seconds time_;
  std::map<Endpoint, SteadyTime> until_;
};

}  // namespace toast::remote
