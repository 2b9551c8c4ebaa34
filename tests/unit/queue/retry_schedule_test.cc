#include "mta/queue/retry_schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace toast::queue {
namespace {

using std::chrono::seconds;

const Moment kBirth{seconds{1'800'000'000}};
constexpr seconds kLifetime{604800};  // qmail's default

TEST(RetrySchedule, SquareRootIsTheFloor) {
  for (std::int64_t r = 0; r < 3000; ++r) {
    EXPECT_EQ(integer_square_root(r * r), r);
    if (r > 0) EXPECT_EQ(integer_square_root(r * r - 1), r - 1);
    EXPECT_EQ(integer_square_root(r * r + 2 * r), r);
  }
  EXPECT_EQ(integer_square_root(std::int64_t{3'037'000'499} * 3'037'000'499), 3'037'000'499);
}

// The ages at which qmail tries a local delivery again, when every attempt starts on time.
TEST(RetrySchedule, AgesAreThoseOfQmail) {
  std::vector<std::int64_t> ages{0};
  Moment now = kBirth;
  while (!is_last_attempt(kBirth, now, kLifetime)) {
    now = retry_at(kBirth, now, kLocalSkip);
    ages.push_back((now - kBirth).count());
  }
  const std::vector<std::int64_t> first{0,    100,  400,  900,  1600,  2500,
                                        3600, 4900, 6400, 8100, 10000, 12100};
  ASSERT_GT(ages.size(), first.size());
  EXPECT_EQ(std::vector<std::int64_t>(ages.begin(), ages.begin() + 12), first);
  EXPECT_EQ(ages.size(), 79U);
  EXPECT_EQ(ages[77], 592900);
  EXPECT_EQ(ages[78], 608400);
}

struct Case {
  std::int64_t age, next_age;
};
// An attempt that starts late goes on from where it is.
const Case kLate[] = {{1, 121}, {99, 361}, {100, 400}, {120, 400}, {121, 441}, {1000, 1681}};

TEST(RetrySchedule, LateAttempts) {
  for (const Case& c : kLate) {
    SCOPED_TRACE(c.age);
    EXPECT_EQ(retry_at(kBirth, kBirth + seconds{c.age}, kLocalSkip), kBirth + seconds{c.next_age});
  }
}

TEST(RetrySchedule, LifetimeIsExceededNotReached) {
  EXPECT_FALSE(is_last_attempt(kBirth, kBirth + kLifetime, kLifetime));
  EXPECT_TRUE(is_last_attempt(kBirth, kBirth + kLifetime + seconds{1}, kLifetime));
}

// A message "from the future" counts as new: qmail's formula alone would wait for its birth.
TEST(RetrySchedule, ClockBehindTheBirthDoesNotStall) {
  EXPECT_EQ(retry_at(kBirth, kBirth - seconds{86400}, kLocalSkip), kBirth + seconds{100});
  EXPECT_EQ(longest_wait(kBirth, kBirth - seconds{86400}, kLocalSkip), seconds{100});
  EXPECT_EQ(longest_wait(kBirth, kBirth + seconds{2500}, kLocalSkip), seconds{1100});
}

}  // namespace
}  // namespace toast::queue
