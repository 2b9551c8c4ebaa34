// Which deliveries are going on, and which were made a short while ago. It answers two questions:
// is this very delivery in hand already (asked again after a time-out), and could it have happened
// before? Only then is cur/ searched for it, which is the one place where the file system does not
// tell by itself: a reader moves messages there under longer names.
//
// "Could have happened" is never wrongly denied: everything published before this process started,
// or so long ago that it was forgotten, was also accepted before that, and the time of arrival says
// so.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "base/clock.h"

namespace toast::maildir {

inline constexpr std::size_t kRememberedDeliveries = 32768;  // some 2 MB; seconds at full load
inline constexpr std::chrono::seconds kClockSlack{2};        // time stamps in whole seconds, twice

class DeliveryMemory {
 public:
  explicit DeliveryMemory(WallTime started, std::size_t remembered = kRememberedDeliveries);

  // Held while a delivery is in hand.
  class Claim {
   public:
    Claim(Claim&& other) noexcept;
    Claim& operator=(Claim&&) = delete;
    Claim(const Claim&) = delete;
    ~Claim();

   private:
    friend class DeliveryMemory;
    Claim(DeliveryMemory* memory, std::uint64_t delivery) : memory_(memory), delivery_(delivery) {}
    DeliveryMemory* memory_;
    std::uint64_t delivery_;
  };

  // nullopt: it is in hand.
  std::optional<Claim> claim(std::string_view delivery);
  bool may_have_happened(const Claim& claim, std::int64_t arrival_seconds, WallTime now) const;
  // Published, or about to be: from now on may_have_happened().
  void remember(const Claim& claim, WallTime now);

 private:
  struct Past {
    std::uint64_t delivery;
    std::int64_t seconds;
  };
  mutable std::mutex mutex_;
  std::size_t remembered_;
  std::int64_t blind_until_;  // deliveries up to this second may be unknown to us
  std::unordered_set<std::uint64_t> in_hand_;
  std::unordered_set<std::uint64_t> known_;
  std::deque<Past> by_age_;
};

}  // namespace toast::maildir
