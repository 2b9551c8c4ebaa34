// The operator's hands: what takes recipients out of their lines, puts them back, or calls them up.
#include <algorithm>
#include <functional>

#include "mta/queue/scheduler.h"

namespace toast::queue {

void Scheduler::add_held(MessageId id, Moment birth, std::uint64_t sender, std::uint32_t open) {
  if (open == 0 || slots_.contains(id)) return;
  messages_[insert_message(id, birth, sender, open)].held = 1;
}

void Scheduler::hold(const std::function<bool(MessageId)>& which) {
  std::vector<bool> chosen(messages_.size());
  for (const auto& [id, slot] : slots_)
    if (messages_[slot].held == 0 && which(id)) chosen[slot] = true;
  const auto is_chosen = [&](std::uint32_t slot) { return chosen[slot]; };
  for (Sender& s : senders_) {
    s.fresh.remove_if([&](const Range& range) {
      if (!is_chosen(range.message)) return false;
      counts_.fresh -= range.end - range.next;
      messages_[range.message].unrouted -= range.end - range.next;
      return true;
    });
    counts_.deferred -=
        std::erase_if(s.deferred, [&](const Deferred& item) { return is_chosen(item.message); });
    std::make_heap(s.deferred.begin(), s.deferred.end(), std::greater<>());
  }
  refill_rings();
  destinations_.remove_if(is_chosen);
  for (std::size_t slot = 0; slot < chosen.size(); ++slot)
    if (chosen[slot]) messages_[slot].held = 1;
}

// The rings and the wake-ups, made anew from what the senders have.
void Scheduler::refill_rings() {
  fresh_ring_.clear();
  retry_ring_.clear();
  wake_ups_.clear();
  for (std::uint32_t i = 0; i < senders_.size(); ++i) {
    Sender& s = senders_[i];
    s.in_fresh_ring = !s.fresh.empty();
    if (s.in_fresh_ring) fresh_ring_.push_back(i);
    file_retries(i, newest_now_);
  }
}

void Scheduler::release(MessageId id, std::span<const std::uint32_t> fresh,
                        std::span<const Waiting> waiting) {
  const auto* const found = slots_.find(id);
  if (found == nullptr || messages_[found->second].held == 0) return;
  messages_[found->second].held = 0;
  add_items(found->second, fresh, waiting);
}

void Scheduler::ended_while_held(MessageId id, std::uint32_t recipients) {
  const std::uint32_t slot = message_slot(id);
  messages_[slot].open -= recipients;
  if (messages_[slot].open == 0) forget(slot);
}

std::uint64_t Scheduler::retry_now(
    const std::function<bool(MessageId, std::uint32_t recipient)>& which, Moment now) {
  std::uint64_t count = 0;
  for (Sender& s : senders_) {
    for (Deferred& item : s.deferred) {
      if (item.due <= now || !which(messages_[item.message].id, item.recipient)) continue;
      item.due = Moment{};  // whatever the clock does
      ++count;
    }
    std::make_heap(s.deferred.begin(), s.deferred.end(), std::greater<>());
  }
  newest_now_ = std::max(newest_now_, now);
  refill_rings();
  return count;
}

}  // namespace toast::queue
