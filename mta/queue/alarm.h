// "Look again, in so long at the latest": a timer of the loop for what is due by the wall clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/async.h"
#include "base/clock.h"
#include "mta/queue/retry_schedule.h"

namespace toast::queue {

// The schedule is looked at this often even when nothing is due: the wall clock may be set.
inline constexpr std::chrono::seconds kLongestSleep{60};
inline constexpr std::chrono::milliseconds kShortestSleep{10};

class Alarm {
 public:
  Alarm(const asio::any_io_executor& loop, std::function<void()> look)
      : timer_(loop), look_(std::move(look)) {}

  // Waking too early costs a look; an earlier time that is already set is left alone.
  void within(std::chrono::milliseconds wait) {
    const auto present = std::chrono::steady_clock::now();
    const auto at = present + wait;
    if (timer_.expiry() > present && timer_.expiry() <= at) return;
    timer_.expires_at(at);
    timer_.async_wait([this](const asio::error_code& error) {
      if (!error) look_();
    });
  }
  void at(Moment due, const Clock& clock) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - clock.wall());
    within(std::clamp<std::chrono::milliseconds>(wait, kShortestSleep, kLongestSleep));
  }

 private:
  asio::steady_timer timer_;
  std::function<void()> look_;
};

}  // namespace toast::queue
