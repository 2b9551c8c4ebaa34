#include "vdomain/maildir/delivery_memory.h"

#include <gtest/gtest.h>

namespace toast::maildir {
namespace {

WallTime at(std::int64_t seconds) { return WallTime{std::chrono::seconds{seconds}}; }

TEST(DeliveryMemoryTest, OneAtATime) {
  DeliveryMemory memory(at(1000));
  {
    const auto first = memory.claim("a");
    EXPECT_TRUE(first);
    EXPECT_FALSE(memory.claim("a"));
    EXPECT_TRUE(memory.claim("b"));
  }
  EXPECT_TRUE(memory.claim("a"));
}

TEST(DeliveryMemoryTest, MayHaveHappened) {
  DeliveryMemory memory(at(1000), 2);
  const auto a = memory.claim("a");
  EXPECT_FALSE(memory.may_have_happened(*a, 1010, at(1010)));
  EXPECT_TRUE(memory.may_have_happened(*a, 999, at(1010))) << "before this process was there";
  EXPECT_TRUE(memory.may_have_happened(*a, 1020, at(1010))) << "the clock was set back";
  memory.remember(*a, at(1010));
  EXPECT_TRUE(memory.may_have_happened(*a, 1010, at(1011)));

  // Forgotten for newer ones: what arrived up to then may have happened, what came later has not.
  for (const char* name : {"b", "c"}) memory.remember(*memory.claim(name), at(1020));
  EXPECT_TRUE(memory.may_have_happened(*a, 1010, at(1030)));
  const auto late = memory.claim("late");
  EXPECT_TRUE(memory.may_have_happened(*late, 1010, at(1030)));
  EXPECT_FALSE(memory.may_have_happened(*late, 1013, at(1030)));
}

}  // namespace
}  // namespace toast::maildir
