#include "mta/queue/destinations.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace toast::queue {
namespace {

using std::chrono::seconds;
using Item = Destinations::Item;
using Batch = Destinations::Batch;

const Moment kStart{seconds{1'800'000'000}};

class DestinationsTest : public testing::Test {
 protected:
  Destinations make(std::uint32_t concurrency = 200, std::uint32_t per_destination = 20) {
    return Destinations(
        {concurrency, per_destination},
        {[this](std::uint32_t message) { return !unrouted_.contains(message); },
         [this](std::uint32_t message, Moment) { return expired_.contains(message); }});
  }
  static Item item(std::uint32_t message, std::uint32_t recipient = 0, bool fresh = true) {
    return {message, recipient, fresh ? 1U : 0U};
  }
  // The destination that is down, and there is one: when its probe is due.
  static Moment probe_at(const Destinations& d) { return d.states().at(0).probe_at; }
  // After n probes that failed, the last of them at `failed`.
  static void expect_pause(const Destinations& d, unsigned n, Moment failed) {
    const seconds pause = pause_after(n);
    EXPECT_EQ(d.next_due(), probe_at(d));
    EXPECT_GE(probe_at(d), failed + pause);
    EXPECT_LE(probe_at(d), failed + pause + pause / kPauseSpread);
  }
  // As many as may begin now.
  static std::vector<Batch> take_all(Destinations& d, Moment now) {
    std::vector<Batch> all;
    while (std::optional<Batch> batch = d.take(now)) all.push_back(std::move(*batch));
    return all;
  }
  // The first transaction gets through: from now on several may go at a time.
  static void open(Destinations& d) { d.ended(*d.take(kStart), Contact::reached, "", kStart); }
  std::set<std::uint32_t> unrouted_, expired_;
};

TEST_F(DestinationsTest, TheFirstTransactionGoesAlone) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 10; ++m) d.push("a.test", m, item(m));
  std::vector<Batch> first = take_all(d, kStart);
  ASSERT_EQ(first.size(), 1U);
  d.ended(first[0], Contact::reached, "", kStart);
  EXPECT_EQ(take_all(d, kStart).size(), kOpenSlots);
}

TEST_F(DestinationsTest, GrowsWithSuccessUpToItsLimit) {
  Destinations d = make(200, 6);
  for (std::uint32_t m = 0; m < 1000; ++m) d.push("a.test", m, item(m));
  std::size_t most = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<Batch> now = take_all(d, kStart);
    most = std::max(most, now.size());
    for (const Batch& batch : now) d.ended(batch, Contact::reached, "", kStart);
  }
  EXPECT_EQ(most, 6U);
}

TEST_F(DestinationsTest, ADeadDestinationCostsOneProbe) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 1000; ++m) d.push("dead.test", m, item(m));
  int tries = 0;
  const Moment end = kStart + seconds{86400};
  for (Moment now = kStart; now < end; now += seconds{10}) {
    for (const Batch& batch : take_all(d, now)) {
      ++tries;
      for (const Item& i : batch.items)
        d.push("dead.test", batch.sender, i);  // deferred, due again
      d.ended(batch, Contact::unreachable, "4.4.1 no answer", now);
    }
  }
  // After 60 s, 120 s, ... 3600 s, then once an hour, each a quarter later at most.
  EXPECT_GE(tries, 24);
  EXPECT_LE(tries, 30);
  EXPECT_EQ(d.waiting(), 1000U);
  EXPECT_EQ(d.states().at(0).why, "4.4.1 no answer");
}

TEST_F(DestinationsTest, AProbeThatSucceedsOpensIt) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 10; ++m) d.push("a.test", m, item(m));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  expect_pause(d, 1, kStart);
  const Moment due = probe_at(d);
  EXPECT_FALSE(d.take(due - seconds{1}));
  const std::optional<Batch> probe = d.take(due);
  ASSERT_TRUE(probe);
  EXPECT_FALSE(d.take(due));  // one only
  d.ended(*probe, Contact::reached, "", due);
  EXPECT_EQ(take_all(d, due).size(), kOpenSlots);
}

TEST_F(DestinationsTest, AProbeThatTaughtNothingLeavesItDown) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 10; ++m) d.push("a.test", m, item(m));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  Moment now = probe_at(d);
  for (int again = 0; again < 20; ++again) {
    const std::optional<Batch> probe = d.take(now);
    ASSERT_TRUE(probe);
    d.push_back(probe->destination, probe->sender, probe->items.front());
    d.ended(*probe, Contact::unknown, "", now);
    EXPECT_TRUE(d.states().at(0).down);
    EXPECT_EQ(d.states().at(0).why, "no answer");
    EXPECT_FALSE(d.take(now)) << "not at once";
    ASSERT_TRUE(d.next_due());
    EXPECT_GT(*d.next_due(), now);
    EXPECT_LE(*d.next_due(), now + 2 * kUnclearPause) << "but soon";
    now = *d.next_due();
  }
  d.ended(*d.take(now), Contact::unreachable, "no answer", now);
  expect_pause(d, 2, now);  // it counted its failures on
}

TEST_F(DestinationsTest, WhatTaughtNothingChangesNoLimit) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 100; ++m) d.push("a.test", m, item(m));
  const std::optional<Batch> first = d.take(kStart);
  d.ended(*first, Contact::unknown, "", kStart);
  EXPECT_EQ(d.states().at(0).limit, 1U);
  const std::vector<Batch> one = take_all(d, kStart);
  ASSERT_EQ(one.size(), 1U) << "still nobody knows whether it is there";
  d.ended(one[0], Contact::reached, "", kStart);
  const std::vector<Batch> four = take_all(d, kStart);
  ASSERT_EQ(four.size(), kOpenSlots);
  for (const Batch& batch : four) d.ended(batch, Contact::unknown, "", kStart);
  EXPECT_EQ(d.states().at(0).limit, kOpenSlots);
}

// What began while the destination was up says nothing about when its probe is due.
TEST_F(DestinationsTest, AnOldTransactionThatTaughtNothingLeavesTheProbeItsTime) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 100; ++m) d.push("a.test", m, item(m));
  open(d);
  const std::vector<Batch> four = take_all(d, kStart);
  for (std::size_t i = 0; i < 3; ++i) d.ended(four[i], Contact::unreachable, "reset", kStart);
  ASSERT_TRUE(d.states().at(0).down);
  const Moment due = d.states().at(0).probe_at;
  d.ended(four[3], Contact::unknown, "", kStart + seconds{5});
  EXPECT_EQ(d.next_due(), due);
}

TEST_F(DestinationsTest, ShrinksByHalfBeforeItIsDown) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 100; ++m) d.push("a.test", m, item(m));
  open(d);
  std::vector<Batch> four = take_all(d, kStart);
  ASSERT_EQ(four.size(), 4U);
  d.ended(four[0], Contact::unreachable, "reset", kStart);
  EXPECT_FALSE(d.states().at(0).down);
  EXPECT_FALSE(d.take(kStart));  // three in hand, two allowed
  d.ended(four[1], Contact::unreachable, "reset", kStart);
  d.ended(four[2], Contact::unreachable, "reset", kStart);
  EXPECT_TRUE(d.states().at(0).down);
  d.ended(four[3], Contact::unreachable, "reset", kStart);  // begun before: teaches nothing
  expect_pause(d, 1, kStart);
}

TEST(ProbePauses, DoubleUpToAnHour) {
  std::vector<int> pauses;
  for (unsigned n = 1; n <= 9; ++n) pauses.push_back(static_cast<int>(pause_after(n).count()));
  EXPECT_EQ(pauses, (std::vector<int>{60, 120, 240, 480, 960, 1920, 3600, 3600, 3600}));
  EXPECT_EQ(pause_after(4'000'000'000), kLongestPause);
}

TEST(ProbePauses, TheSpreadIsBoundedAndTheSameEachTime) {
  for (const int pause : {1, 3, 10, 60, 3600}) {
    std::set<seconds> seen;
    for (unsigned n = 0; n < 4000; ++n) {
      const seconds spread_out = spread(seconds{pause}, "a.test", n);
      EXPECT_EQ(spread_out, spread(seconds{pause}, "a.test", n));
      seen.insert(spread_out);
    }
    EXPECT_EQ(*seen.begin(), seconds{pause});
    EXPECT_EQ(*seen.rbegin(), seconds{pause + pause / kPauseSpread});
  }
}

// Ten thousand hosts behind a line that was cut: their probes do not come together, not the first
// ones, and those of later rounds less and less.
TEST_F(DestinationsTest, WhatWentDownTogetherIsNotProbedTogether) {
  constexpr std::uint32_t kHosts = 10'000;
  Destinations d = make(kHosts, 1);
  for (std::uint32_t n = 0; n < kHosts; ++n)
    for (std::uint32_t m = 0; m < 2; ++m) d.push("host" + std::to_string(n), n, item(2 * n + m));
  for (const Batch& batch : take_all(d, kStart)) {
    d.push_back(batch.destination, batch.sender, batch.items.front());
    d.ended(batch, Contact::unreachable, "no route", kStart);
  }
  for (unsigned round = 1; round <= 4; ++round) {
    SCOPED_TRACE(round);
    std::map<Moment, std::uint32_t> by_second;
    for (const Destinations::State& state : d.states()) ++by_second[state.probe_at];
    std::uint32_t most = 0;
    for (const auto& [at, count] : by_second) most = std::max(most, count);
    const auto choices = static_cast<std::uint32_t>(pause_after(round).count() / kPauseSpread + 1);
    EXPECT_EQ(by_second.size(), choices);
    EXPECT_LT(most, 2 * kHosts / choices);
    const Moment later = by_second.rbegin()->first;  // the machine slept: all of them are due
    for (const Batch& batch : take_all(d, later)) {
      d.push_back(batch.destination, batch.sender, batch.items.front());
      d.ended(batch, Contact::unreachable, "no route", later);
    }
  }
}

TEST_F(DestinationsTest, OthersGoOnWhileOneIsDown) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 1000; ++m) d.push("dead.test", m, item(m));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  d.push("good.test", 5, item(5000));
  const std::optional<Batch> batch = d.take(kStart);
  ASSERT_TRUE(batch);
  EXPECT_EQ(d.name(batch->destination), "good.test");
}

TEST_F(DestinationsTest, WhatIsPastItsTimeIsGivenUpWhenAProbeFails) {
  Destinations d = make();
  for (std::uint32_t m = 0; m < 10; ++m) d.push("dead.test", m, item(m));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  expired_ = {3, 4};
  const Moment later = probe_at(d);
  const std::optional<Batch> probe = d.take(later);
  ASSERT_TRUE(probe);
  EXPECT_FALSE(probe->given_up);
  d.ended(*probe, Contact::unreachable, "no answer", later);
  std::set<std::uint32_t> given_up;
  for (const Batch& batch : take_all(d, later)) {
    EXPECT_TRUE(batch.given_up);
    given_up.insert(batch.items.at(0).message);
    d.ended(batch, Contact::unreachable, "", later);
  }
  given_up.insert(probe->items.at(0).message);  // it may have been one of the two
  EXPECT_TRUE(given_up.contains(3));
  EXPECT_TRUE(given_up.contains(4));
  EXPECT_LE(given_up.size(), 3U);
  EXPECT_TRUE(d.states().at(0).down);
}

TEST_F(DestinationsTest, RecipientsOfOneMessageShareATransaction) {
  Destinations d = make();
  for (std::uint32_t r = 0; r < 250; ++r) d.push("a.test", 1, item(1, r));
  std::size_t seen = 0;
  for (const std::size_t expected : {kMaxBatch, kMaxBatch, std::size_t{50}}) {
    const std::optional<Batch> batch = d.take(kStart);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->items.size(), expected);
    EXPECT_EQ(batch->items.front().recipient, seen);
    seen += batch->items.size();
    d.ended(*batch, Contact::reached, "", kStart);
  }
}

TEST_F(DestinationsTest, WaitsForTheRestOfTheMessageUnlessTheBatchIsFull) {
  Destinations d = make();
  unrouted_ = {1};
  d.push("a.test", 1, item(1, 0));
  EXPECT_FALSE(d.take(kStart));
  d.push("a.test", 2, item(2, 0));  // another sender's is not held up by that
  ASSERT_EQ(d.take(kStart)->items.front().message, 2U);
  Destinations full = make();
  for (std::uint32_t r = 0; r < kMaxBatch; ++r) full.push("a.test", 1, item(1, r));
  EXPECT_TRUE(full.take(kStart));
}

TEST_F(DestinationsTest, ALetterDoesNotWaitBehindAList) {
  Destinations d = make(10, 10);
  for (std::uint32_t m = 0; m < 1000; ++m) d.push("a.test", 1, item(m));
  open(d);
  d.push("a.test", 2, item(5000));
  std::set<std::uint32_t> senders;
  senders.insert(d.take(kStart)->sender);
  senders.insert(d.take(kStart)->sender);
  EXPECT_EQ(senders, (std::set<std::uint32_t>{1, 2}));
}

TEST_F(DestinationsTest, ASenderWithItsShareIsPassedOver) {
  Destinations d = make(10, 20);
  for (std::uint32_t n = 0; n < 100; ++n)
    for (std::uint32_t m = 0; m < 10; ++m) d.push("d" + std::to_string(n), 1, item(n * 10 + m));
  EXPECT_EQ(take_all(d, kStart).size(), 10U);  // alone it may have all
  d.push("other.test", 2, item(5000));
  EXPECT_EQ(d.in_hand(), 10U);
}

TEST_F(DestinationsTest, FreshGoesBeforeDeferredWithAShareForTheOld) {
  Destinations d = make(1, 1);
  for (std::uint32_t m = 0; m < 100; ++m) {
    d.push("a.test", m, item(m, 0, false));
    d.push("a.test", 1000 + m, item(1000 + m, 0, true));
  }
  int old = 0;
  for (int i = 0; i < 80; ++i) {
    const std::optional<Batch> batch = d.take(kStart);
    ASSERT_TRUE(batch);
    if (batch->items.front().fresh == 0) ++old;
    d.ended(*batch, Contact::reached, "", kStart);
  }
  EXPECT_EQ(old, 10);
}

TEST_F(DestinationsTest, ForgetsADestinationWithNothingLeft) {
  Destinations d = make();
  d.push("a.test", 1, item(1));
  d.ended(*d.take(kStart), Contact::reached, "", kStart);
  EXPECT_TRUE(d.states().empty());
  d.push("b.test", 1, item(2));  // its number is used again
  EXPECT_EQ(d.name(d.take(kStart)->destination), "b.test");
}

TEST_F(DestinationsTest, RemembersADownDestinationUntilItsProbeIsDue) {
  Destinations d = make();
  d.push("a.test", 1, item(1));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  d.push("a.test", 1, item(2));
  EXPECT_FALSE(d.take(kStart + seconds{30}));
  d.remove_if([](std::uint32_t) { return true; });
  EXPECT_FALSE(d.take(kStart + 2 * kFirstPause));
  EXPECT_TRUE(d.states().empty());
}

TEST_F(DestinationsTest, PausedUntilResumed) {
  Destinations d = make();
  d.pause("a.test");
  d.push("a.test", 1, item(1));
  EXPECT_FALSE(d.take(kStart));
  EXPECT_FALSE(d.resume("b.test"));
  EXPECT_TRUE(d.resume("a.test"));
  EXPECT_TRUE(d.take(kStart));
}

TEST_F(DestinationsTest, PausedWhileDownDoesNotSpin) {
  Destinations d = make();
  d.push("a.test", 1, item(1));
  d.push("a.test", 1, item(2));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  d.pause("a.test");
  EXPECT_FALSE(d.take(kStart + seconds{4000}));
  EXPECT_FALSE(d.next_due());
  d.resume("a.test");
  EXPECT_TRUE(d.take(kStart + seconds{4000}));
}

TEST_F(DestinationsTest, FlushProbesAtOnce) {
  Destinations d = make();
  d.push("a.test", 1, item(1));
  d.push("a.test", 1, item(2));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  EXPECT_FALSE(d.take(kStart));
  EXPECT_TRUE(d.flush("a.test", kStart));
  EXPECT_TRUE(d.take(kStart));
  EXPECT_FALSE(d.flush("b.test", kStart));
}

TEST_F(DestinationsTest, ClockSetBackDoesNotStallAProbe) {
  Destinations d = make();
  d.push("a.test", 1, item(1));
  d.push("a.test", 1, item(2));
  d.ended(*d.take(kStart), Contact::unreachable, "no answer", kStart);
  const Moment yesterday = kStart - seconds{86400};
  d.after_clock_went_back(yesterday);
  expect_pause(d, 1, yesterday);
}

TEST_F(DestinationsTest, GivenBackGoesFirst) {
  Destinations d = make();
  d.push("a.test", 1, item(1));
  d.push("a.test", 1, item(2));
  const std::optional<Batch> batch = d.take(kStart);
  d.push_back(batch->destination, batch->sender, batch->items.front());
  d.ended(*batch, Contact::reached, "", kStart);
  EXPECT_EQ(d.take(kStart)->items.front().message, 1U);
}

}  // namespace
}  // namespace toast::queue
