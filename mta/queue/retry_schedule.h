// When a deferred delivery is tried again: qmail's quadratic schedule: often while the message is
// young, ever more rarely later, and never a table to configure.
#pragma once

#include <chrono>
#include <cstdint>

namespace toast::queue {

using Moment = std::chrono::sys_seconds;  // wall time as the queue's schedule sees it

// qmail's steps of the square root: local mail is tried at ages of 0, 100, 400, 900 ... seconds,
// mail for other hosts at 0, 400, 1600, 3600 ...
inline constexpr std::int64_t kLocalSkip = 10;
inline constexpr std::int64_t kRemoteSkip = 20;

// The greatest r with r * r <= n; n is not negative.
std::int64_t integer_square_root(std::int64_t n);

// The attempt after one that started at `now`, for a message that arrived at `birth`:
// birth + (isqrt(max(0, now - birth)) + skip)^2. Always later than now if now is not before birth.
Moment retry_at(Moment birth, Moment now, std::int64_t skip);

// How far away the next attempt may be for a message of this age. What a stored time is held
// against after the clock was set back, so that nothing waits for the old future to come.
std::chrono::seconds longest_wait(Moment birth, Moment now, std::int64_t skip);

// An attempt that starts after this moment is the last: a temporary failure is then a permanent
// one.
inline bool is_last_attempt(Moment birth, Moment now, std::chrono::seconds lifetime) {
  return now > birth + lifetime;
}

}  // namespace toast::queue
