// Whose a domain is that somebody sends from, and which sending limits it and its owner have in
// place of the settings: asked of the directory and remembered for a minute. While the directory
// cannot be asked the last word counts, however old; where there is none mail waits (transient),
// for a limit that is not known is not "no limit".
#pragma once

#include <chrono>
#include <unordered_map>

#include "base/async.h"
#include "base/clock.h"
#include "base/ipc.h"
#include "vdomain/sender_messages.h"

namespace toast::queue {

inline constexpr std::chrono::seconds kSendingDomainAge{60};
inline constexpr std::chrono::seconds kSendingDomainPatience{2};  // to ask anew after that
inline constexpr std::size_t kMaxSendingDomains = 100'000;

using DomainSending = vdomain::FindSendLimits::Reply;

class SendingDomains {
 public:
  SendingDomains(ipc::Link& directory, const Clock& clock) : directory_(directory), clock_(clock) {}
  // `mailbox`: a login, as its ticket names it.
  Task<Result<DomainSending>> of_login(std::string mailbox);

 private:
  struct Known {
    DomainSending sending;
    SteadyTime said;
  };
  ipc::Link& directory_;
  const Clock& clock_;
  std::unordered_map<Domain, Known> known_;
};

}  // namespace toast::queue
