#include "mta/spawn/turns.h"

namespace toast::spawnd {

Task<Turns::Answer> Turns::take(std::string domain, SteadyTime deadline) {
  Count& count = counts_[domain];
  if (has_room(count)) {
    begin(count);
    co_return Answer::yours;
  }
  if (waiters_.size() >= limits_.waiting || count.waiting >= limits_.waiting_of_domain)
    co_return Answer::too_many;  // the count stays: somebody of this domain runs, or all places are
                                 // taken and the next to be given back looks at it
  auto waiter = std::make_shared<Waiter>(executor_, domain, deadline);
  const auto place = waiters_.insert(waiters_.end(), waiter);
  ++count.waiting;
  auto [ignored] = co_await waiter->timer.async_wait(no_throw);
  (void)ignored;
  if (waiter->has_place) co_return Answer::yours;
  waiters_.erase(place);
  --counts_[domain].waiting;
  forget_if_idle(domain);
  co_return Answer::too_late;
}

void Turns::give_back(const std::string& domain) {
  --running_;
  --counts_[domain].running;
  for (auto next = waiters_.begin(); next != waiters_.end() && running_ < limits_.at_once;) {
    const std::shared_ptr<Waiter> waiter = *next;
    Count& count = counts_[waiter->domain];
    if (!has_room(count)) {
      ++next;
      continue;
    }
    next = waiters_.erase(next);
    --count.waiting;
    begin(count);
    waiter->has_place = true;
    waiter->timer.cancel();
  }
  forget_if_idle(domain);
}

void Turns::forget_if_idle(const std::string& domain) {
  const auto found = counts_.find(domain);
  if (found != counts_.end() && found->second.running == 0 && found->second.waiting == 0)
    counts_.erase(found);
}

}  // namespace toast::spawnd
