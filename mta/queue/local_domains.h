// Which recipients are at other hosts: asked of the directory for each domain, and remembered for a
// minute when the domain is ours; longer only while the directory cannot be asked. That a domain is
// not ours is never remembered: it may have become ours since, and a client that RCPT has let in
// must not be turned away afterwards.
#pragma once

#include <chrono>
#include <unordered_map>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/ipc.h"
#include "mta/queue/submit_messages.h"

namespace toast::queue {

inline constexpr std::chrono::seconds kLocalDomainAge{60};
// To ask anew after that minute. A directory that does not answer must not hold up mail for what
// was ours a minute ago.
inline constexpr std::chrono::seconds kLocalDomainPatience{2};
inline constexpr std::size_t kMaxLocalDomains = 100'000;

class LocalDomains {
 public:
  LocalDomains(ipc::Link& directory, const Clock& clock) : directory_(directory), clock_(clock) {}

  // How many of them are not ours to deliver. An error is transient: the directory cannot be asked.
  Task<Result<std::size_t>> count_elsewhere(std::vector<Address> recipients);

 private:
  Task<Result<bool>> is_ours(Address recipient);
  ipc::Link& directory_;
  const Clock& clock_;
  std::unordered_map<Domain, SteadyTime> ours_;  // when it was said
};

}  // namespace toast::queue
