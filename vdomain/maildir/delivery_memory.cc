#include "vdomain/maildir/delivery_memory.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace toast::maildir {

DeliveryMemory::DeliveryMemory(WallTime started, std::size_t remembered)
    : remembered_(std::max<std::size_t>(1, remembered)), blind_until_(unix_seconds(started)) {}

DeliveryMemory::Claim::Claim(Claim&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), delivery_(other.delivery_) {}

DeliveryMemory::Claim::~Claim() {
  if (memory_ == nullptr) return;
  const std::lock_guard lock(memory_->mutex_);
  memory_->in_hand_.erase(delivery_);
}

std::optional<DeliveryMemory::Claim> DeliveryMemory::claim(std::string_view delivery) {
  const std::uint64_t hash = std::hash<std::string_view>{}(delivery);
  const std::lock_guard lock(mutex_);
  if (!in_hand_.insert(hash).second) return std::nullopt;
  return Claim(this, hash);
}

bool DeliveryMemory::may_have_happened(const Claim& claim, std::int64_t arrival_seconds,
                                       WallTime now) const {
  const std::int64_t slack = kClockSlack.count();
  const std::lock_guard lock(mutex_);
  return arrival_seconds <= blind_until_ + slack || known_.contains(claim.delivery_) ||
         arrival_seconds > unix_seconds(now) + slack;  // the clock was set back: no telling
}

void DeliveryMemory::remember(const Claim& claim, WallTime now) {
  const std::lock_guard lock(mutex_);
  if (!known_.insert(claim.delivery_).second) return;
  by_age_.push_back({claim.delivery_, unix_seconds(now)});
  while (by_age_.size() > remembered_) {
    blind_until_ = std::max(blind_until_, by_age_.front().seconds);
    known_.erase(by_age_.front().delivery);
    by_age_.pop_front();
  }
}

}  // namespace toast::maildir
