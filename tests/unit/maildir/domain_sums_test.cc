// What a domain's mailboxes use together: taken, given back, summed anew, told.
#include "vdomain/maildir/domain_sums.h"

#include <gtest/gtest.h>

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

using Need = DomainSums::Need;

class DomainSumsTest : public ::testing::Test {
 protected:
  DomainSumsTest() {
    sums.set_percentages({80, 100});
    sums.on_report(
        [this](const Domain& d, vdomain::RoomState state, const vdomain::Quota&, Usage used) {
          constexpr std::string_view kStates[] = {" ample ", " tight ", " full "};
          said.push_back(d.str() + std::string(kStates[static_cast<std::size_t>(state)]) +
                         std::to_string(used.bytes));
        });
    sums.on_crossed([this](const Domain& d, unsigned percent, const vdomain::Quota&, Usage) {
      said.push_back(d.str() + " " + std::to_string(percent) + " %");
    });
  }
  void measure(std::uint64_t quota_bytes, std::int64_t used, std::uint64_t quota_messages = 0) {
    sums.set_quotas({{ours, {quota_bytes, quota_messages}}});
    ASSERT_TRUE(sums.begin(ours));
    sums.end(ours, {used, 1});
  }
  bool take(std::uint64_t bytes) {
    bool taken = false;
    const bool fits = sums.reserve(ours, bytes, taken);
    EXPECT_EQ(fits, taken);
    return fits;
  }

  const Domain ours = *Domain::parse("example.org");
  FakeClock clock;
  DomainSums sums{clock};
  std::vector<std::string> said;
  static constexpr std::uint64_t kMiB = 1U << 20U;
};

TEST_F(DomainSumsTest, WithoutAQuotaNothingIsAskedAndNothingTaken) {
  EXPECT_TRUE(sums.none());
  EXPECT_EQ(sums.need(ours, 1), Need::nothing);
  bool taken = true;
  EXPECT_TRUE(sums.reserve(ours, 1U << 30U, taken));
  EXPECT_FALSE(taken);
  EXPECT_FALSE(sums.begin(ours));
  sums.add(ours, {5, 1});
  EXPECT_EQ(sums.used(ours), std::nullopt);
  EXPECT_TRUE(said.empty());
}

TEST_F(DomainSumsTest, BeforeTheFirstSumEverythingFits) {
  sums.set_quotas({{ours, {10, 0}}});
  EXPECT_FALSE(sums.none());
  EXPECT_EQ(sums.need(ours, 1), Need::now);
  bool taken = true;
  EXPECT_TRUE(sums.reserve(ours, 11, taken));
  EXPECT_FALSE(taken);
}

TEST_F(DomainSumsTest, RoomIsTakenAndGivenBack) {
  measure(1000, 400);
  EXPECT_TRUE(take(600));
  EXPECT_FALSE(take(1)) << "it is on its way to another mailbox";
  sums.release(ours, {600, 1});
  EXPECT_TRUE(take(500));
  sums.add(ours, {500, 1});
  sums.release(ours, {500, 1});
  EXPECT_EQ(sums.used(ours), (Usage{900, 2}));
  EXPECT_FALSE(take(101));
  sums.add(ours, {-500, -1});
  EXPECT_TRUE(take(600));
}

TEST_F(DomainSumsTest, MessagesAreALimitToo) {
  measure(0, 400, 2);
  EXPECT_TRUE(take(5000));
  EXPECT_FALSE(take(1));
}

TEST_F(DomainSumsTest, AnOldSumIsMadeAnewAtOnceOnlyWhereItWouldRefuse) {
  measure(1000, 400);
  EXPECT_EQ(sums.need(ours, 601), Need::nothing) << "fresh: its word is good";
  clock.advance(kSumAge);
  EXPECT_EQ(sums.need(ours, 600), Need::later);
  EXPECT_EQ(sums.need(ours, 601), Need::now);
}

TEST_F(DomainSumsTest, ASumThatTakesLongIsMadeLessOften) {
  sums.set_quotas({{ours, {1000, 0}}});
  ASSERT_TRUE(sums.begin(ours));
  EXPECT_FALSE(sums.begin(ours)) << "one at a time";
  clock.advance(std::chrono::seconds(10));
  sums.end(ours, {100, 1});
  clock.advance(std::chrono::seconds(499));
  EXPECT_EQ(sums.need(ours, 1), Need::nothing);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(sums.need(ours, 1), Need::later);
}

TEST_F(DomainSumsTest, WhatComesDuringASumIsNotLost) {
  measure(1000, 400);
  clock.advance(kSumAge);
  ASSERT_TRUE(sums.begin(ours));
  sums.add(ours, {100, 1});
  sums.end(ours, {300, 1});
  EXPECT_EQ(sums.used(ours), (Usage{400, 2}));
  sums.add(ours, {-5000, -5});
  EXPECT_EQ(sums.used(ours), (Usage{0, 0})) << "never below nothing";
}

TEST_F(DomainSumsTest, ASumThatFailedLeavesWhatWasKnown) {
  measure(1000, 400);
  clock.advance(kSumAge);
  ASSERT_TRUE(sums.begin(ours));
  sums.abandon(ours);
  EXPECT_EQ(sums.used(ours), (Usage{400, 1}));
  EXPECT_EQ(sums.need(ours, 601), Need::nothing) << "not at every message";
}

TEST_F(DomainSumsTest, RcptIsToldAndThePostmasterWarned) {
  measure(1000 * kMiB, 400 * kMiB);
  EXPECT_TRUE(said.empty()) << "room for any message";
  sums.add(ours, {static_cast<std::int64_t>(450 * kMiB), 1});
  EXPECT_EQ(said, (std::vector<std::string>{"example.org 80 %"}));
  said.clear();
  sums.add(ours, {static_cast<std::int64_t>(140 * kMiB), 1});
  EXPECT_EQ(said, (std::vector<std::string>{"example.org tight " + std::to_string(990 * kMiB)}));
  said.clear();
  EXPECT_FALSE(take(11 * kMiB));
  EXPECT_EQ(said, (std::vector<std::string>{"example.org tight " + std::to_string(990 * kMiB),
                                            "example.org 100 %"}));
  said.clear();
  sums.add(ours, {static_cast<std::int64_t>(10 * kMiB), 1});
  EXPECT_EQ(said, (std::vector<std::string>{"example.org full " + std::to_string(1000 * kMiB)}));
  said.clear();
  sums.add(ours, {-static_cast<std::int64_t>(500 * kMiB), -1});
  EXPECT_EQ(said, (std::vector<std::string>{"example.org ample " + std::to_string(500 * kMiB)}));
}

TEST_F(DomainSumsTest, AFullDomainIsLookedAtAgainSoon) {
  measure(1000, 1000);
  EXPECT_TRUE(sums.to_sum_again().empty());
  clock.advance(kFullSumAge);
  EXPECT_EQ(sums.to_sum_again(), std::vector<Domain>{ours});
  ASSERT_TRUE(sums.begin(ours));
  EXPECT_TRUE(sums.to_sum_again().empty());
}

TEST_F(DomainSumsTest, AQuotaThatIsRaisedOrLiftedCountsAtOnce) {
  measure(1000, 1000);
  sums.set_quotas({{ours, {2000, 0}}});
  said.clear();
  sums.set_quotas({{ours, {3000, 0}}});
  EXPECT_EQ(said, (std::vector<std::string>{"example.org tight 1000"}))
      << "with the quota that SIZE is compared with";
  said.clear();
  sums.set_quotas({{ours, {1000 * kMiB, 0}}});
  EXPECT_EQ(said, (std::vector<std::string>{"example.org ample 1000"}));
  EXPECT_TRUE(take(5000));
  sums.set_quotas({{ours, {1000, 0}}});
  said.clear();
  sums.set_quotas({});
  EXPECT_EQ(said, (std::vector<std::string>{"example.org ample 0"}));
  EXPECT_TRUE(sums.none());
  sums.release(ours, {5000, 1});  // of a message that was on its way
}

}  // namespace
}  // namespace toast::maildir
