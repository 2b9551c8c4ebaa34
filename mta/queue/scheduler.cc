#include "mta/queue/scheduler.h"

#include <algorithm>
#include <cassert>
#include <functional>

namespace toast::queue {
namespace {

constexpr auto kLater = std::greater<>();  // makes a std heap give the earliest

}  // namespace

Scheduler::Scheduler(Limits limits)
    : limits_(limits),
      destinations_(limits.remote,
                    {[this](std::uint32_t slot) { return messages_[slot].unrouted == 0; },
                     [this](std::uint32_t slot, Moment now) {
                       return is_last_attempt(messages_[slot].birth(), now, limits_.lifetime);
                     }}) {}

void Scheduler::set_limits(Limits limits) {
  limits_ = limits;
  destinations_.set_limits(limits.remote);
}

std::uint32_t Scheduler::sender_for(std::uint64_t key) {
  if (auto found = sender_index_.find(key); found != sender_index_.end()) return found->second;
  std::uint32_t index = 0;
  if (free_senders_.empty()) {
    index = static_cast<std::uint32_t>(senders_.size());
    senders_.emplace_back();
  } else {
    index = free_senders_.back();
    free_senders_.pop_back();
  }
  senders_[index].key = key;
  sender_index_.emplace(key, index);
  return index;
}

std::uint32_t Scheduler::insert_message(MessageId id, Moment birth, std::uint64_t sender,
                                        std::uint32_t open) {
  std::uint32_t slot = 0;
  if (free_messages_.empty()) {
    slot = static_cast<std::uint32_t>(messages_.size());
    messages_.emplace_back();
  } else {
    slot = free_messages_.back();
    free_messages_.pop_back();
  }
  const std::uint32_t index = sender_for(sender);
  const std::int64_t birth_seconds = std::max<std::int64_t>(birth.time_since_epoch().count(), 0);
  messages_[slot] = Message{id, static_cast<std::uint32_t>(birth_seconds), index, open, 0, 0};
  ++senders_[index].messages;
  slots_.insert({id, slot});
  ++counts_.messages;
  return slot;
}

void Scheduler::add(MessageId id, Moment birth, std::uint64_t sender, std::uint32_t recipients) {
  if (recipients == 0 || slots_.contains(id)) return;
  const std::uint32_t slot = insert_message(id, birth, sender, recipients);
  counts_.fresh += recipients;
  messages_[slot].unrouted = recipients;
  queue_fresh(messages_[slot].sender, Range{slot, 0, recipients}, false);
}

void Scheduler::add(MessageId id, Moment birth, std::uint64_t sender,
                    std::span<const std::uint32_t> fresh, std::span<const Waiting> waiting) {
  const auto open = static_cast<std::uint32_t>(fresh.size() + waiting.size());
  if (open == 0 || slots_.contains(id)) return;
  const std::uint32_t slot = insert_message(id, birth, sender, open);
  add_items(slot, fresh, waiting);
}

void Scheduler::add_items(std::uint32_t slot, std::span<const std::uint32_t> fresh,
                          std::span<const Waiting> waiting) {
  const std::uint32_t index = messages_[slot].sender;
  messages_[slot].unrouted += static_cast<std::uint32_t>(fresh.size());
  counts_.fresh += fresh.size();
  counts_.deferred += waiting.size();
  for (std::size_t i = 0; i < fresh.size();) {  // runs of neighbours are one range
    std::size_t end = i + 1;
    while (end < fresh.size() && fresh[end] == fresh[end - 1] + 1) ++end;
    queue_fresh(index, Range{slot, fresh[i], fresh[end - 1] + 1}, false);
    i = end;
  }
  for (const Waiting& item : waiting)
    queue_deferred(index, Deferred{item.next_attempt, slot, item.recipient, item.remote ? 1U : 0U});
}

void Scheduler::queue_fresh(std::uint32_t sender, Range range, bool in_front) {
  Sender& s = senders_[sender];
  if (in_front)
    s.fresh.push_front(range);
  else
    s.fresh.push_back(range);
  if (s.in_fresh_ring) return;
  s.in_fresh_ring = true;
  fresh_ring_.push_back(sender);
}

void Scheduler::queue_deferred(std::uint32_t sender, Deferred item) {
  Sender& s = senders_[sender];
  if (!s.in_retry_ring && !s.deferred.empty()) wake_ups_.erase({s.deferred.front().due, sender});
  s.deferred.push_back(item);
  std::push_heap(s.deferred.begin(), s.deferred.end(), kLater);
  if (!s.in_retry_ring) wake_ups_.emplace(s.deferred.front().due, sender);
}

// After the sender left the ring: where its deferred mail is to be looked for.
void Scheduler::file_retries(std::uint32_t sender, Moment now) {
  Sender& s = senders_[sender];
  s.in_retry_ring = false;
  if (s.deferred.empty()) return;
  if (s.deferred.front().due <= now) {
    s.in_retry_ring = true;
    retry_ring_.push_back(sender);
  } else {
    wake_ups_.emplace(s.deferred.front().due, sender);
  }
}

void Scheduler::observe(Moment now) {
  if (now + kClockSlack < newest_now_) after_clock_went_back(now);
  newest_now_ = std::max(newest_now_, now);
  while (!wake_ups_.empty() && wake_ups_.begin()->first <= now) {
    const std::uint32_t sender = wake_ups_.begin()->second;
    wake_ups_.erase(wake_ups_.begin());
    senders_[sender].in_retry_ring = true;
    retry_ring_.push_back(sender);
  }
}

// Times that were computed from a clock that ran ahead are far away now. None is further than it
// would be for a message of its present age.
void Scheduler::after_clock_went_back(Moment now) {
  newest_now_ = now;
  wake_ups_.clear();
  for (std::uint32_t i = 0; i < senders_.size(); ++i) {
    Sender& s = senders_[i];
    for (Deferred& item : s.deferred) {
      const Moment birth = messages_[item.message].birth();
      const std::int64_t skip = item.remote != 0 ? kRemoteSkip : kLocalSkip;
      item.due = std::min(item.due, now + longest_wait(birth, now, skip));
    }
    std::make_heap(s.deferred.begin(), s.deferred.end(), kLater);
    if (!s.deferred.empty() && !s.in_retry_ring) wake_ups_.emplace(s.deferred.front().due, i);
  }
  destinations_.after_clock_went_back(now);
}

// The sender whose turn it is, taken out of the ring.
std::optional<std::uint32_t> Scheduler::take_turn(std::deque<std::uint32_t>& ring) {
  if (ring.empty()) return std::nullopt;
  const auto waiting = static_cast<std::uint32_t>(ring.size());
  const std::uint32_t share = std::max(1U, limits_.concurrency / waiting);
  std::size_t chosen = 0;
  const std::size_t looked_at = std::min(ring.size(), kTurnScan);
  for (std::size_t i = 0; i < looked_at; ++i) {
    if (senders_[ring[i]].in_hand >= share) continue;
    chosen = i;
    break;
  }
  const std::uint32_t sender = ring[chosen];
  ring.erase(ring.begin() + static_cast<std::ptrdiff_t>(chosen));
  return sender;
}

std::optional<Work> Scheduler::next(Moment now) {
  observe(now);
  if (!has_free_slot()) return std::nullopt;
  const bool both = !fresh_ring_.empty() && !retry_ring_.empty();
  const bool retry_turn = fresh_ring_.empty() || (both && starts_until_retry_ <= 1);
  if (both) starts_until_retry_ = retry_turn ? kRetryShare : starts_until_retry_ - 1;
  if (!retry_turn) return start_fresh(*take_turn(fresh_ring_), now);
  while (std::optional<std::uint32_t> sender = take_turn(retry_ring_)) {
    // A clock that went back may have made what was due wait again.
    if (senders_[*sender].deferred.front().due <= now) return start_retry(*sender, now);
    file_retries(*sender, now);
  }
  if (!fresh_ring_.empty()) return start_fresh(*take_turn(fresh_ring_), now);
  return std::nullopt;
}

Work Scheduler::start_fresh(std::uint32_t sender, Moment now) {
  Sender& s = senders_[sender];
  s.in_fresh_ring = false;
  Range& range = s.fresh.front();
  const std::uint32_t slot = range.message;
  const std::uint32_t recipient = range.next++;
  if (range.next == range.end) s.fresh.pop_front();
  if (!s.fresh.empty()) {
    s.in_fresh_ring = true;
    fresh_ring_.push_back(sender);
  }
  --counts_.fresh;
  return start(slot, recipient, true, now);
}

Work Scheduler::start_retry(std::uint32_t sender, Moment now) {
  Sender& s = senders_[sender];
  std::pop_heap(s.deferred.begin(), s.deferred.end(), kLater);
  const Deferred item = s.deferred.back();
  s.deferred.pop_back();
  file_retries(sender, now);
  --counts_.deferred;
  ++messages_[item.message].unrouted;
  return start(item.message, item.recipient, false, now);
}

Work Scheduler::start(std::uint32_t slot, std::uint32_t recipient, bool fresh, Moment now) {
  const Message& message = messages_[slot];
  ++senders_[message.sender].in_hand;
  ++counts_.in_hand;
  return Work{message.id, recipient, fresh,
              is_last_attempt(message.birth(), now, limits_.lifetime)};
}

std::uint32_t Scheduler::let_go(const Work& work) {
  const std::uint32_t slot = message_slot(work.message);
  if (work.channel == Channel::remote) {
    assert(counts_.in_hand_remote > 0);
    --counts_.in_hand_remote;
    return slot;
  }
  Message& message = messages_[slot];
  assert(counts_.in_hand > 0 && senders_[message.sender].in_hand > 0 && message.unrouted > 0);
  --senders_[message.sender].in_hand;
  --counts_.in_hand;
  --message.unrouted;
  return slot;
}

void Scheduler::ended(const Work& work) {
  const std::uint32_t slot = let_go(work);
  if (--messages_[slot].open == 0) forget(slot);
}

void Scheduler::forget(std::uint32_t slot) {
  const Message& message = messages_[slot];
  Sender& sender = senders_[message.sender];
  --counts_.messages;
  slots_.erase(message.id);
  free_messages_.push_back(slot);
  if (--sender.messages > 0) return;
  sender_index_.erase(sender.key);
  free_senders_.push_back(message.sender);
}

Moment Scheduler::deferred(const Work& work, Moment started) {
  const std::uint32_t slot = let_go(work);
  const Message& message = messages_[slot];
  const std::int64_t skip = work.channel == Channel::local ? kLocalSkip : kRemoteSkip;
  const Moment due = std::min(retry_at(message.birth(), started, skip),
                              started + longest_wait(message.birth(), started, skip));
  if (message.held != 0) return due;
  ++counts_.deferred;
  queue_deferred(message.sender,
                 Deferred{due, slot, work.recipient, work.channel == Channel::remote ? 1U : 0U});
  return due;
}

void Scheduler::given_back(const Work& work) {
  const std::uint32_t slot = let_go(work);
  Message& message = messages_[slot];
  if (message.held != 0) return;
  if (work.fresh) {
    ++counts_.fresh;
    ++message.unrouted;
    queue_fresh(message.sender, Range{slot, work.recipient, work.recipient + 1}, true);
  } else {
    ++counts_.deferred;
    // Whatever the clock does.
    queue_deferred(message.sender, Deferred{Moment{}, slot, work.recipient, 0});
  }
}

void Scheduler::to_destination(const Work& work, std::string_view next_hop) {
  const std::uint32_t slot = let_go(work);
  const Message& message = messages_[slot];
  if (message.held != 0) return;
  destinations_.push(next_hop, message.sender,
                     Destinations::Item{slot, work.recipient, work.fresh ? 1U : 0U});
}

std::optional<RemoteWork> Scheduler::next_remote(Moment now) {
  observe(now);
  std::optional<Destinations::Batch> batch = destinations_.take(now);
  if (!batch) return std::nullopt;
  const Message& message = messages_[batch->items.front().message];
  const bool last = is_last_attempt(message.birth(), now, limits_.lifetime);
  RemoteWork work{message.id, destinations_.name(batch->destination), {}, batch->given_up, {}, {}};
  if (work.given_up) work.why = destinations_.why_down(batch->destination);
  for (const Destinations::Item& item : batch->items)
    work.works.push_back(Work{message.id, item.recipient, item.fresh != 0, last, Channel::remote});
  counts_.in_hand_remote += batch->items.size();
  work.batch = std::move(*batch);
  return work;
}

void Scheduler::given_back(const Work& work, const RemoteWork& from) {
  const std::uint32_t slot = let_go(work);
  const Message& message = messages_[slot];
  if (message.held != 0) return;
  destinations_.push_back(from.batch.destination, message.sender,
                          Destinations::Item{slot, work.recipient, work.fresh ? 1U : 0U});
}

void Scheduler::batch_over(const RemoteWork& work, Contact contact, std::string_view why,
                           Moment now) {
  destinations_.ended(work.batch, contact, why, now);
}

std::optional<Moment> Scheduler::next_due() const {
  if (wake_ups_.empty()) return std::nullopt;
  return wake_ups_.begin()->first;
}

}  // namespace toast::queue
