#include "mta/queue/sending_domains.h"

namespace toast::queue {

Task<Result<DomainSending>> SendingDomains::of_login(std::string mailbox) {
  Result<Domain> domain = Domain::parse(mailbox.substr(mailbox.rfind('@') + 1));
  if (!domain) co_return transient("a login without a domain: " + mailbox);
  const auto found = known_.find(*domain);
  const bool was_known = found != known_.end();
  if (was_known && clock_.steady() - found->second.said < kSendingDomainAge)
    co_return found->second.sending;
  std::chrono::milliseconds patience = ipc::kCallTimeout;
  if (was_known) patience = kSendingDomainPatience;
  vdomain::FindSendLimits question{*domain};
  Result<DomainSending> answer = co_await directory_.call(std::move(question), patience);
  if (answer) {
    if (known_.size() >= kMaxSendingDomains) known_.clear();
    known_.insert_or_assign(*domain, Known{*answer, clock_.steady()});
    co_return std::move(*answer);
  }
  const auto before = known_.find(*domain);
  if (before != known_.end()) co_return before->second.sending;
  co_return transient(std::move(answer.error().detail));
}

}  // namespace toast::queue
