#include "mta/queue/local_domains.h"

#include "vdomain/resolver_messages.h"

namespace toast::queue {

Task<Result<std::size_t>> LocalDomains::count_elsewhere(std::vector<Address> recipients) {
  std::unordered_map<Domain, bool> known;  // of this message
  std::size_t elsewhere = 0;
  for (Address& recipient : recipients) {
    const Domain domain = recipient.domain();
    auto found = known.find(domain);
    if (found == known.end()) {
      Result<bool> ours = co_await is_ours(std::move(recipient));
      if (!ours) co_return pass(ours);
      found = known.emplace(domain, *ours).first;
    }
    if (!found->second) ++elsewhere;
  }
  co_return elsewhere;
}

// Whether a domain is ours does not depend on the name in front of it (vdomain/resolver.h).
Task<Result<bool>> LocalDomains::is_ours(Address recipient) {
  const Domain domain = recipient.domain();
  const auto found = ours_.find(domain);
  const bool was_ours = found != ours_.end();
  if (was_ours && clock_.steady() - found->second < kLocalDomainAge) co_return true;
  vdomain::Resolve question{std::move(recipient)};
  std::chrono::milliseconds patience = ipc::kCallTimeout;
  if (was_ours) patience = kLocalDomainPatience;
  Result<vdomain::Resolve::Reply> answer = co_await directory_.call(std::move(question), patience);
  if (!answer && was_ours) co_return true;  // the last word counts, as at RCPT
  if (!answer) co_return transient(std::move(answer.error().detail));
  if (answer->status == vdomain::Resolve::Status::not_local) {
    ours_.erase(domain);
    co_return false;
  }
  if (ours_.size() >= kMaxLocalDomains) ours_.clear();
  ours_.insert_or_assign(domain, clock_.steady());
  co_return true;
}

}  // namespace toast::queue
