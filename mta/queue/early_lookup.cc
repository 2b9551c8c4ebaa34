#include "mta/queue/early_lookup.h"

namespace toast::queue {

void EarlyLookup::ask(MessageId message, const Address& recipient) {
  if (!directory_.connected()) return;
  while (order_.size() >= kMaxEarlyAnswers) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
  auto entry = std::make_shared<Entry>(loop_, clock_.steady());
  order_.push_back(message);
  entries_[message] = entry;
  spawn(loop_, look_up(directory_.channel(), recipient, std::move(entry)));
}

Task<> EarlyLookup::look_up(std::shared_ptr<ipc::Channel> directory, Address recipient,
                            std::shared_ptr<Entry> entry) {
  Result<vdomain::Resolve::Reply> reply =
      co_await directory->call(vdomain::Resolve{std::move(recipient)}, kEarlyAnswerAge);
  if (reply) entry->answer = std::move(*reply);
  entry->pending = false;
  entry->ended.cancel();
}

Task<std::optional<vdomain::Resolve::Reply>> EarlyLookup::take(MessageId message) {
  const auto found = entries_.find(message);
  if (found == entries_.end()) co_return std::nullopt;
  const std::shared_ptr<Entry> entry = std::move(found->second);
  entries_.erase(found);
  if (entry->pending) {
    entry->ended.expires_at(std::chrono::steady_clock::time_point::max());
    auto [ignored] = co_await entry->ended.async_wait(no_throw);
    (void)ignored;
  }
  if (clock_.steady() - entry->asked > kEarlyAnswerAge) co_return std::nullopt;
  co_return std::move(entry->answer);
}

}  // namespace toast::queue
