#include "mta/queue/destinations.h"

#include <cassert>

namespace toast::queue {
namespace {

void count_down(auto& counts, std::uint32_t key, std::uint64_t by) {
  const auto found = counts.find(key);
  assert(found != counts.end() && found->second >= by);
  found->second -= static_cast<std::remove_reference_t<decltype(found->second)>>(by);
  if (found->second == 0) counts.erase(found);
}

}  // namespace

std::chrono::seconds pause_after(unsigned failed_probes) {
  constexpr unsigned kMostDoublings = 10;  // beyond kLongestPause in any case
  const unsigned doublings = std::min(failed_probes - 1, kMostDoublings);
  return std::min(kFirstPause * (1U << doublings), kLongestPause);
}

std::chrono::seconds spread(std::chrono::seconds pause, std::string_view destination, unsigned n) {
  // FNV-1a, and the last steps of MurmurHash3: names that differ in one letter lie far apart.
  std::uint64_t hash = 0xcbf29ce484222325 ^ n;
  for (const char c : destination)
    hash = (hash ^ static_cast<unsigned char>(c)) * std::uint64_t{0x100000001b3};
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccd;
  hash ^= hash >> 33U;
  const auto most = static_cast<std::uint64_t>(pause.count()) / kPauseSpread;
  return pause + std::chrono::seconds(hash % (most + 1));
}

std::uint32_t Destinations::push(std::string_view name, std::uint32_t sender, Item item) {
  std::string key(name);
  std::uint32_t index = 0;
  if (auto found = index_.find(key); found != index_.end()) {
    index = found->second;
  } else {
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(all_.size());
      all_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
      const bool in_ring = all_[index].in_ring;  // an old turn is still in the ring: skip it there
      all_[index] = Destination{};
      all_[index].in_ring = in_ring;
    }
    all_[index].used = true;
    all_[index].paused = paused_.contains(name);
    all_[index].name = key;
    index_.emplace(std::move(key), index);
  }
  Destination& d = all_[index];
  push_turn(item.fresh != 0 ? d.fresh : d.retry, sender, item, false);
  ++d.waiting;
  ++waiting_;
  ++waiting_senders_[sender];
  offer(index, Moment::min());
  return index;
}

void Destinations::push_back(std::uint32_t index, std::uint32_t sender, Item item) {
  Destination& d = all_[index];
  push_turn(item.fresh != 0 ? d.fresh : d.retry, sender, item, true);
  ++d.waiting;
  ++waiting_;
  ++waiting_senders_[sender];
}

void Destinations::push_turn(Turns& turns, std::uint32_t sender, Item item, bool in_front) {
  Fifo<Item>& line = turns.lines[sender];
  if (line.empty()) turns.ring.push_back(sender);
  if (in_front)
    line.push_front(item);
  else
    line.push_back(item);
}

bool Destinations::may_begin(const Destination& d, Moment now) const {
  if (!d.used || d.paused) return false;
  if (!d.expired.empty()) return true;
  if (d.waiting == 0) return false;
  if (d.down()) return d.in_hand == 0 && now >= d.probe_at;
  return d.in_hand < std::min(d.limit, limits_.per_destination);
}

void Destinations::offer(std::uint32_t index, Moment now) {
  Destination& d = all_[index];
  if (d.in_ring) return;
  if (may_begin(d, now)) {
    d.in_ring = true;
    ring_.push_back(index);
  } else if (d.used && d.down() && !d.paused) {
    set_wake_up(index);
  }
}

void Destinations::set_wake_up(std::uint32_t index) {
  Destination& d = all_[index];
  if (d.has_wake_up || d.in_hand > 0) return;
  d.has_wake_up = true;
  wake_ups_.emplace(d.probe_at, index);
}

void Destinations::clear_wake_up(std::uint32_t index) {
  Destination& d = all_[index];
  if (d.has_wake_up) wake_ups_.erase({d.probe_at, index});
  d.has_wake_up = false;
}

std::uint32_t Destinations::share() const {
  const auto senders =
      static_cast<std::uint32_t>(std::max<std::size_t>(waiting_senders_.size(), 1));
  return std::max(1U, limits_.concurrency / senders);
}

std::uint32_t Destinations::load(std::uint32_t sender) const {
  const auto found = loads_.find(sender);
  return found == loads_.end() ? 0 : found->second;
}

std::optional<Destinations::Batch> Destinations::take(Moment now) {
  while (!wake_ups_.empty() && wake_ups_.begin()->first <= now) {
    const std::uint32_t index = wake_ups_.begin()->second;
    clear_wake_up(index);
    if (all_[index].waiting == 0) all_[index].failed_probes = 0;  // nobody wants it: begin anew
    offer(index, now);
    forget_if_idle(index);
  }
  if (in_hand_ >= limits_.concurrency) return std::nullopt;
  for (const bool within_share : {true, false}) {
    const std::size_t looked_at = std::min(ring_.size(), kDestinationScan);
    for (std::size_t i = 0; i < looked_at; ++i) {
      const std::uint32_t index = ring_.front();
      ring_.pop_front();
      all_[index].in_ring = false;
      if (!may_begin(all_[index], now)) {
        offer(index, now);
        continue;
      }
      std::optional<Batch> batch = begin(index, within_share);
      offer(index, now);
      if (batch) return batch;
    }
  }
  return std::nullopt;
}

std::optional<Destinations::Batch> Destinations::begin(std::uint32_t index, bool within_share) {
  Destination& d = all_[index];
  if (!d.expired.empty()) return give_up(index);
  const bool both = !d.fresh.empty() && !d.retry.empty();
  const bool retry_turn = d.fresh.empty() || (both && d.starts_until_retry <= 1);
  Turns& first = retry_turn ? d.retry : d.fresh;
  Turns& second = retry_turn ? d.fresh : d.retry;
  std::optional<Batch> batch = begin_from(index, first, within_share);
  if (batch && both) d.starts_until_retry = retry_turn ? kRetryShare : d.starts_until_retry - 1;
  return batch ? std::move(batch) : begin_from(index, second, within_share);
}

std::optional<Destinations::Batch> Destinations::begin_from(std::uint32_t index, Turns& turns,
                                                            bool within_share) {
  const std::size_t looked_at = std::min(turns.ring.size(), kTurnScan);
  for (std::size_t i = 0; i < looked_at; ++i) {
    const std::uint32_t sender = turns.ring[i];
    if (within_share && load(sender) >= share()) continue;
    const auto found = turns.lines.find(sender);
    Fifo<Item>& line = found->second;
    const std::uint32_t message = line.front().message;
    std::size_t count = 1;
    while (count < std::min(line.size(), kMaxBatch) && line[count].message == message) ++count;
    if (count < kMaxBatch && !messages_.is_routed(message)) continue;
    Batch batch{index, sender, {}, false};
    for (std::size_t n = 0; n < count; ++n) batch.items.push_back(line[n]);
    line.pop_front(count);
    turns.ring.take(i);
    if (line.empty())
      turns.lines.erase(found);
    else
      turns.ring.push_back(sender);
    Destination& d = all_[index];
    d.waiting -= count;
    waiting_ -= count;
    count_down(waiting_senders_, sender, count);
    ++d.in_hand;
    ++in_hand_;
    ++loads_[sender];
    return batch;
  }
  return std::nullopt;
}

Destinations::Batch Destinations::give_up(std::uint32_t index) {
  Destination& d = all_[index];
  Batch batch{index, d.expired_senders.back(), {}, true};
  const std::uint32_t message = d.expired.back().message;
  while (!d.expired.empty() && d.expired.back().message == message &&
         batch.items.size() < kMaxBatch) {
    batch.items.push_back(d.expired.back());
    d.expired.pop_back();
    d.expired_senders.pop_back();
  }
  const std::size_t count = batch.items.size();
  d.waiting -= count;
  waiting_ -= count;
  count_down(waiting_senders_, batch.sender, count);
  ++d.in_hand;
  ++in_hand_;
  ++loads_[batch.sender];
  return batch;
}

void Destinations::ended(const Batch& batch, Contact contact, std::string_view why, Moment now) {
  const std::uint32_t index = batch.destination;
  Destination& d = all_[index];
  --d.in_hand;
  --in_hand_;
  count_down(loads_, batch.sender, 1);
  if (!batch.given_up) learn(index, contact, why, now);
  offer(index, now);
  forget_if_idle(index);
}

void Destinations::learn(std::uint32_t index, Contact contact, std::string_view why, Moment now) {
  Destination& d = all_[index];
  // Not so for what began before it was known to be down.
  const bool was_probe = d.down() && now >= d.probe_at;
  if (contact == Contact::reached) {
    clear_wake_up(index);
    d.failed_probes = 0;
    d.why.clear();
    d.limit = std::min(std::max(d.limit + 1, kOpenSlots), limits_.per_destination);
  } else if (contact == Contact::unknown) {
    if (!was_probe) return;
    clear_wake_up(index);
    d.probe_at = next_probe(d, kUnclearPause, now);
  } else if (!d.down() || was_probe) {
    d.limit /= 2;
    d.why = why;
    if (d.limit == 0) close(index, why, now);
  }
}

void Destinations::close(std::uint32_t index, std::string_view why, Moment now) {
  Destination& d = all_[index];
  clear_wake_up(index);
  ++d.failed_probes;
  d.probe_at = next_probe(d, pause_after(d.failed_probes), now);
  d.why = why;
  collect_expired(d, d.fresh, now);
  collect_expired(d, d.retry, now);
}

void Destinations::collect_expired(Destination& d, Turns& turns, Moment now) {
  for (auto& [sender, line] : turns.lines) {
    const std::uint32_t owner = sender;
    line.remove_if([&](const Item& item) {
      if (!messages_.is_expired(item.message, now)) return false;
      d.expired.push_back(item);
      d.expired_senders.push_back(owner);
      return true;
    });
  }
  turns.ring.remove_if([&](std::uint32_t sender) { return turns.lines.at(sender).empty(); });
  std::erase_if(turns.lines, [](const auto& entry) { return entry.second.empty(); });
}

void Destinations::forget_if_idle(std::uint32_t index) {
  Destination& d = all_[index];
  if (!d.used || d.waiting > 0 || d.in_hand > 0 || d.down()) return;
  clear_wake_up(index);
  d.used = false;
  index_.erase(d.name);
  free_.push_back(index);
}

std::optional<Moment> Destinations::next_due() const {
  if (wake_ups_.empty()) return std::nullopt;
  return wake_ups_.begin()->first;
}

void Destinations::after_clock_went_back(Moment now) {
  wake_ups_.clear();
  for (std::uint32_t i = 0; i < all_.size(); ++i) {
    Destination& d = all_[i];
    d.has_wake_up = false;
    if (!d.used || !d.down()) continue;
    d.probe_at = std::min(d.probe_at, next_probe(d, pause_after(d.failed_probes), now));
    set_wake_up(i);
  }
}

bool Destinations::flush(std::string_view name, Moment now) {
  const auto found = index_.find(std::string(name));
  if (found == index_.end()) return false;
  Destination& d = all_[found->second];
  if (d.down()) {
    clear_wake_up(found->second);
    d.probe_at = now;
    offer(found->second, now);
  }
  return true;
}

void Destinations::pause(std::string_view name) {
  paused_.emplace(name);
  if (auto found = index_.find(std::string(name)); found != index_.end())
    all_[found->second].paused = true;
}

bool Destinations::resume(std::string_view name) {
  const auto paused = paused_.find(name);
  if (paused == paused_.end()) return false;
  paused_.erase(paused);
  if (auto found = index_.find(std::string(name)); found != index_.end()) {
    all_[found->second].paused = false;
    offer(found->second, Moment::min());
  }
  return true;
}

std::uint64_t Destinations::remove_if(const std::function<bool(std::uint32_t message)>& gone) {
  std::uint64_t removed = 0;
  for (std::uint32_t index = 0; index < all_.size(); ++index) {
    Destination& d = all_[index];
    if (!d.used || d.waiting == 0) continue;
    std::uint64_t here = 0;
    for (Turns* turns : {&d.fresh, &d.retry}) {
      for (auto& [sender, line] : turns->lines) {
        const std::size_t n = line.remove_if([&](const Item& item) { return gone(item.message); });
        if (n > 0) count_down(waiting_senders_, sender, n);
        here += n;
      }
      turns->ring.remove_if([&](std::uint32_t sender) { return turns->lines.at(sender).empty(); });
      std::erase_if(turns->lines, [](const auto& entry) { return entry.second.empty(); });
    }
    for (std::size_t i = d.expired.size(); i-- > 0;) {
      if (!gone(d.expired[i].message)) continue;
      count_down(waiting_senders_, d.expired_senders[i], 1);
      d.expired.erase(d.expired.begin() + static_cast<std::ptrdiff_t>(i));
      d.expired_senders.erase(d.expired_senders.begin() + static_cast<std::ptrdiff_t>(i));
      ++here;
    }
    d.waiting -= here;
    waiting_ -= here;
    removed += here;
    forget_if_idle(index);
  }
  return removed;
}

std::vector<Destinations::State> Destinations::states() const {
  std::vector<State> states;
  for (const Destination& d : all_) {
    if (d.used) states.push_back(state_of(d));
  }
  return states;
}

Destinations::State Destinations::state_of(const Destination& d) const {
  return {d.name,   d.waiting, d.in_hand,  std::min(d.limit, limits_.per_destination),
          d.down(), d.paused,  d.probe_at, d.why};
}

std::optional<Destinations::State> Destinations::find(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) return std::nullopt;
  return state_of(all_[found->second]);
}

}  // namespace toast::queue
