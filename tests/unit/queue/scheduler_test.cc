#include "mta/queue/scheduler.h"

#include <gtest/gtest.h>

#include <map>

namespace toast::queue {
namespace {

using std::chrono::seconds;

const Moment kStart{seconds{1'800'000'000}};
constexpr seconds kWeek{604800};

MessageId id(std::uint64_t n) { return MessageId(n); }

TEST(Scheduler, GivesEveryRecipientOnceInOrder) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 7, 3);
  for (std::uint32_t r = 0; r < 3; ++r)
    EXPECT_EQ(s.next(kStart), (Work{id(1), r, true, false, Channel::local}));
  EXPECT_FALSE(s.next(kStart));
  EXPECT_EQ(s.counts().in_hand, 3U);
}

TEST(Scheduler, RespectsConcurrency) {
  Scheduler s({2, kWeek, {}});
  s.add(id(1), kStart, 7, 5);
  const auto first = s.next(kStart);
  ASSERT_TRUE(s.next(kStart));
  EXPECT_FALSE(s.next(kStart));
  s.ended(*first);
  EXPECT_EQ(s.next(kStart)->recipient, 2U);
}

TEST(Scheduler, AddingTheSameMessageTwiceChangesNothing) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 7, 1);
  s.add(id(1), kStart, 7, 1);
  EXPECT_EQ(s.counts().fresh, 1U);
}

TEST(Scheduler, ForgetsAMessageWhenItsLastRecipientEnded) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 7, 2);
  const auto a = s.next(kStart);
  const auto b = s.next(kStart);
  s.ended(*a);
  EXPECT_EQ(s.counts().messages, 1U);
  s.ended(*b);
  EXPECT_EQ(s.counts().messages, 0U);
  s.add(id(1), kStart, 7, 1);  // its slot can be used again
  EXPECT_TRUE(s.next(kStart));
}

TEST(Scheduler, DeferredComesBackOnTime) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 7, 1);
  EXPECT_EQ(s.deferred(*s.next(kStart), kStart), kStart + seconds{100});
  EXPECT_EQ(s.next_due(), kStart + seconds{100});
  EXPECT_FALSE(s.next(kStart + seconds{99}));
  const auto again = s.next(kStart + seconds{100});
  EXPECT_EQ(again, (Work{id(1), 0, false, false, Channel::local}));
  EXPECT_EQ(s.deferred(*again, kStart + seconds{100}), kStart + seconds{400});
}

TEST(Scheduler, SaysWhichAttemptIsTheLast) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 7, 1);
  s.deferred(*s.next(kStart), kStart);
  EXPECT_TRUE(s.next(kStart + kWeek + seconds{1})->last);
}

TEST(Scheduler, GivenBackGoesFirst) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 7, 2);
  s.add(id(2), kStart, 7, 1);
  const auto work = s.next(kStart);
  s.given_back(*work);
  EXPECT_EQ(s.next(kStart), work);
}

TEST(Scheduler, DeferredGivenBackIsDueAtOnce) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 7, 1);
  s.deferred(*s.next(kStart), kStart);
  const Moment later = kStart + seconds{100};
  const auto work = s.next(later);
  s.given_back(*work);
  EXPECT_EQ(s.next(later), work);
}

// What was never tried goes first, yet of eight starts one belongs to what was deferred.
TEST(Scheduler, FreshBeforeDeferredWithAShareForTheOld) {
  Scheduler s({1, kWeek, {}});
  s.add(id(1), kStart, 1, 100);
  for (int i = 0; i < 100; ++i) s.deferred(*s.next(kStart), kStart);
  s.add(id(2), kStart, 2, 100);
  const Moment later = kStart + seconds{1000};
  std::map<bool, int> starts;
  for (int i = 0; i < 80; ++i) {
    const auto work = s.next(later);
    ++starts[work->fresh];
    s.ended(*work);
  }
  EXPECT_EQ(starts[true], 70);
  EXPECT_EQ(starts[false], 10);
}

TEST(Scheduler, AListDoesNotStandInFrontOfALetter) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 1, 100000);
  std::vector<Work> in_hand;
  for (int i = 0; i < 10; ++i) in_hand.push_back(*s.next(kStart));  // alone, it may have all slots
  EXPECT_FALSE(s.next(kStart));
  s.add(id(2), kStart, 2, 1);
  s.ended(in_hand[0]);
  EXPECT_EQ(s.next(kStart)->message, id(2));
}

// Two senders, one with many messages in hand: while both wait, each free slot goes to the one
// that holds less than its share.
TEST(Scheduler, SendersShareSlotsWhenContended) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 1, 1000);
  std::vector<Work> first;
  for (int i = 0; i < 10; ++i) first.push_back(*s.next(kStart));
  s.add(id(2), kStart, 2, 1000);
  int second = 0;
  for (int i = 0; i < 5; ++i) {
    s.ended(first[static_cast<std::size_t>(i)]);
    if (s.next(kStart)->message == id(2)) ++second;
  }
  EXPECT_EQ(second, 5);
}

TEST(Scheduler, DeferredListDoesNotStarveOtherDeferredMail) {
  Scheduler s({1, kWeek, {}});
  std::vector<std::uint32_t> none;
  std::vector<Waiting> many;
  for (std::uint32_t r = 0; r < 10000; ++r) many.push_back({r, kStart, false});
  s.add(id(1), kStart, 1, none, many);
  const std::vector<Waiting> one{{0, kStart + seconds{1}, false}};
  s.add(id(2), kStart, 2, none, one);
  const Moment now = kStart + seconds{5};
  bool seen = false;
  for (int i = 0; i < 2; ++i) {
    const auto work = s.next(now);
    seen = seen || work->message == id(2);
    s.ended(*work);
  }
  EXPECT_TRUE(seen);
}

// The clock ran a day ahead, mail was deferred, then it was put right.
TEST(Scheduler, ClockSetBackDoesNotStall) {
  Scheduler s({10, kWeek, {}});
  s.add(id(1), kStart, 1, 1);
  const Moment ahead = kStart + seconds{86400};
  EXPECT_GT(s.deferred(*s.next(ahead), ahead), ahead);
  EXPECT_FALSE(s.next(kStart + seconds{10}));
  // In truth the message is 10 s old: (isqrt(10) + 10)^2 = 169.
  ASSERT_TRUE(s.next_due());
  EXPECT_EQ(*s.next_due(), kStart + seconds{169});
  EXPECT_TRUE(s.next(kStart + seconds{169}));
}

TEST(Scheduler, ClockBehindTheBirthOfAMessageDoesNotStall) {
  Scheduler s({10, kWeek, {}});
  const Moment future = kStart + seconds{365 * 86400};
  s.add(id(1), future, 1, 1);
  EXPECT_EQ(s.deferred(*s.next(kStart), kStart), kStart + seconds{100});
}

TEST(Scheduler, RecoveredMessagesKeepTheirTimes) {
  Scheduler s({10, kWeek, {}});
  const std::vector<std::uint32_t> fresh{1, 2, 5};
  const std::vector<Waiting> waiting{{0, kStart + seconds{50}, false},
                                     {4, kStart + seconds{60}, false}};
  s.add(id(1), kStart - seconds{500}, 1, fresh, waiting);
  EXPECT_EQ(s.counts().fresh, 3U);
  EXPECT_EQ(s.counts().deferred, 2U);
  std::vector<std::uint32_t> order;
  for (const seconds at : {seconds{0}, seconds{50}, seconds{60}})
    while (const auto work = s.next(kStart + at)) order.push_back(work->recipient);
  EXPECT_EQ(order, (std::vector<std::uint32_t>{1, 2, 5, 0, 4}));
}

}  // namespace
}  // namespace toast::queue
