#include "auth/throttle.h"

#include <gtest/gtest.h>

namespace toast::auth {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Limit = Throttle::Limit;
using Outcome = Throttle::Outcome;

IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }

// Small round numbers: 4 failures of an address, 3 of an account and 2 of a known pair are free.
ThrottleOptions small_limits() {
  ThrottleOptions options;
  options.address = {4, seconds{1}, minutes{1}, hours{1}, 8};
  options.account = {3, seconds{1}, minutes{1}, hours{1}, 8};
  options.known = {2, seconds{1}, minutes{1}, hours{1}, 8};
  return options;
}

class ThrottleTest : public testing::Test {
 protected:
  FakeClock clock_;
  SeededRandom random_{1};
  Throttle throttle_{small_limits(), clock_, random_};

  // One whole login attempt; what refused it.
  Limit attempt(const std::string& account, const std::string& peer, Outcome outcome) {
    Throttle::Attempt under_way;
    const Throttle::Decision decision = throttle_.begin(account, ip(peer), under_way);
    if (decision.allowed()) throttle_.end(under_way, outcome);
    return decision.refused_by;
  }
  Limit fail(const std::string& account, const std::string& peer) {
    return attempt(account, peer, Outcome::wrong);
  }
  Limit succeed(const std::string& account, const std::string& peer) {
    return attempt(account, peer, Outcome::right);
  }
  milliseconds delay(const std::string& account, const std::string& peer) {
    Throttle::Attempt under_way;
    const Throttle::Decision decision = throttle_.begin(account, ip(peer), under_way);
    if (decision.allowed()) throttle_.end(under_way, Outcome::unknown);
    return decision.retry_after;
  }
  std::string host(int n) {
    return "198.51." + std::to_string(n / 250) + "." + std::to_string(n % 250);
  }
};

TEST_F(ThrottleTest, AnAccountIsLimitedOverAllAddresses) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fail("ann", host(i)), Limit::none);
  EXPECT_EQ(fail("ann", host(3)), Limit::account);
  EXPECT_EQ(succeed("ann", host(4)), Limit::account);  // a right guess from a stranger, too
  EXPECT_EQ(fail("bob", host(5)), Limit::none);
}

TEST_F(ThrottleTest, AnAddressIsLimitedOverAllAccounts) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fail("user" + std::to_string(i), "192.0.2.1"), Limit::none);
  EXPECT_EQ(fail("user4", "192.0.2.1"), Limit::address);
  EXPECT_EQ(fail("user4", "192.0.2.2"), Limit::none);
  EXPECT_EQ(fail("user4", "::ffff:192.0.2.1"), Limit::address);  // the same host in other words
}

TEST_F(ThrottleTest, AnIpv6CustomerIsOneAddress) {
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(fail("user" + std::to_string(i), "2001:db8:1:2::" + std::to_string(i)), Limit::none);
  EXPECT_EQ(fail("user9", "2001:db8:1:2:ffff::9"), Limit::address);
  EXPECT_EQ(fail("user9", "2001:db8:1:3::9"), Limit::none);
}

TEST_F(ThrottleTest, DelaysDoubleUpToTheLongest) {
  const milliseconds kExpected[] = {seconds{1},  seconds{2},  seconds{4},  seconds{8},
                                    seconds{16}, seconds{32}, seconds{60}, seconds{60}};
  for (int i = 0; i < 2; ++i) ASSERT_EQ(fail("ann", host(i)), Limit::none);
  for (int i = 0; i < 8; ++i) {
    SCOPED_TRACE(i);
    ASSERT_EQ(fail("ann", host(10 + i)), Limit::none);
    const milliseconds wait = delay("ann", host(100));
    // Between the steps the failures have decayed by some minutes of an hour's half life.
    EXPECT_LE(wait, kExpected[i]);
    EXPECT_GE(wait, kExpected[i] * 9 / 10);
    clock_.advance(wait - milliseconds{1});
    EXPECT_EQ(fail("ann", host(200)), Limit::account);
    clock_.advance(milliseconds{1});
  }
}

TEST_F(ThrottleTest, FailuresDecay) {
  for (int i = 0; i < 4; ++i) fail("ann", host(i));
  EXPECT_EQ(fail("ann", host(4)), Limit::account);
  clock_.advance(hours{1});  // 3 failures are 1.5 now
  EXPECT_EQ(fail("ann", host(5)), Limit::none);
  EXPECT_EQ(fail("ann", host(6)), Limit::none);
  EXPECT_EQ(fail("ann", host(7)), Limit::account);
  clock_.advance(hours{24});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fail("ann", host(i)), Limit::none);
}

TEST_F(ThrottleTest, ADistributedGuessDoesNotLockTheOwnerOut) {
  EXPECT_EQ(succeed("ann", "203.0.113.5"), Limit::none);
  for (int i = 0; i < 50; ++i) fail("ann", host(i));
  EXPECT_EQ(fail("ann", host(60)), Limit::account);
  EXPECT_EQ(succeed("ann", "203.0.113.5"), Limit::none);
  EXPECT_EQ(succeed("ann", "203.0.113.6"), Limit::account);  // not known
}

TEST_F(ThrottleTest, AColleagueBehindTheSameAddressDoesNotLockTheOwnerOut) {
  succeed("ann", "203.0.113.5");
  for (int i = 0; i < 10; ++i) fail("user" + std::to_string(i), "203.0.113.5");
  EXPECT_EQ(succeed("bob", "203.0.113.5"), Limit::address);
  EXPECT_EQ(succeed("ann", "203.0.113.5"), Limit::none);
}

TEST_F(ThrottleTest, ASuccessDoesNotClearTheCountersOfStrangers) {
  for (int i = 0; i < 3; ++i) fail("user" + std::to_string(i), "203.0.113.5");
  succeed("attacker", "203.0.113.5");  // own account, to wash the address clean
  EXPECT_EQ(fail("user8", "203.0.113.5"), Limit::none);
  EXPECT_EQ(fail("user9", "203.0.113.5"), Limit::address);
}

TEST_F(ThrottleTest, TheOwnersPollingDoesNotForgiveTheGuessing) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(succeed("ann", "203.0.113.5"), Limit::none);
    EXPECT_EQ(fail("ann", host(i)), Limit::none);
  }
  EXPECT_EQ(succeed("ann", "203.0.113.5"), Limit::none);
  EXPECT_EQ(fail("ann", host(3)), Limit::account);
}

TEST_F(ThrottleTest, AKnownAddressHasItsOwnLimit) {
  succeed("ann", "203.0.113.5");
  EXPECT_EQ(fail("ann", "203.0.113.5"), Limit::none);
  EXPECT_EQ(fail("ann", "203.0.113.5"), Limit::none);
  EXPECT_EQ(fail("ann", "203.0.113.5"), Limit::known);
  // Those failures are neither the account's nor the address's.
  EXPECT_EQ(succeed("ann", "203.0.113.9"), Limit::none);
  EXPECT_EQ(succeed("bob", "203.0.113.5"), Limit::none);
}

// A front end that lies can claim any address, known ones included.
TEST_F(ThrottleTest, AccountLimitsHoldAgainstALyingFrontEnd) {
  for (int i = 0; i < 20; ++i) succeed("ann", host(i));  // kMaxKnownAddresses of them stay known
  int guesses = 0;
  for (int round = 0; round < 10; ++round)
    for (int i = 0; i < 200; ++i)
      if (fail("ann", host(i)) == Limit::none) ++guesses;
  EXPECT_EQ(guesses, 3 + 2 * static_cast<int>(kMaxKnownAddresses));
}

TEST_F(ThrottleTest, KnownAddressesAreForgottenAfterAMonth) {
  succeed("ann", "203.0.113.5");
  clock_.advance(kKnownFor + minutes{1});
  for (int i = 0; i < 4; ++i) fail("ann", host(i));
  EXPECT_EQ(succeed("ann", "203.0.113.5"), Limit::account);
}

TEST_F(ThrottleTest, AnIntroducedAddressIsKnownButItsCounterStays) {
  for (int i = 0; i < 4; ++i) fail("ann", host(i));
  EXPECT_EQ(fail("ann", "203.0.113.5"), Limit::account);
  throttle_.introduce("ann", ip("203.0.113.5"));
  EXPECT_EQ(fail("ann", "203.0.113.5"), Limit::none);
  throttle_.introduce("ann", ip("203.0.113.5"));
  EXPECT_EQ(fail("ann", "203.0.113.5"), Limit::none);
  throttle_.introduce("ann", ip("203.0.113.5"));
  EXPECT_EQ(fail("ann", "203.0.113.5"), Limit::known);
}

TEST_F(ThrottleTest, ExemptNetworksHaveNoAddressLimitButAccountsDo) {
  ThrottleOptions options = small_limits();
  options.exempt_networks = {Network::parse("192.0.2.0/24").value()};
  throttle_.set_options(options);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(fail("user" + std::to_string(i), "192.0.2.80"), Limit::none);
  for (int i = 0; i < 3; ++i) fail("ann", "192.0.2.80");
  EXPECT_EQ(fail("ann", "192.0.2.80"), Limit::account);
}

TEST_F(ThrottleTest, AnOutageCountsForNobody) {
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(attempt("ann", "192.0.2.1", Outcome::unknown), Limit::none);
}

// All sent before the first is answered: none of them may see the state from before.
TEST_F(ThrottleTest, AttemptsUnderWayCount) {
  std::vector<Throttle::Attempt> under_way;
  int begun = 0;
  for (int i = 0; i < 100; ++i) {
    Throttle::Attempt a;
    if (!throttle_.begin("ann", ip(host(i)), a).allowed()) continue;
    ++begun;
    under_way.push_back(a);
  }
  EXPECT_EQ(begun, 8);  // max_parallel
  for (const Throttle::Attempt& a : under_way) throttle_.end(a, Outcome::wrong);
  EXPECT_EQ(fail("ann", host(200)), Limit::account);
  clock_.advance(minutes{1});
  Throttle::Attempt first, second;  // over the free failures: one at a time
  EXPECT_TRUE(throttle_.begin("ann", ip(host(201)), first).allowed());
  EXPECT_FALSE(throttle_.begin("ann", ip(host(202)), second).allowed());
  throttle_.end(first, Outcome::unknown);
  EXPECT_TRUE(throttle_.begin("ann", ip(host(202)), second).allowed());
}

TEST_F(ThrottleTest, EndTellsWhenADelayBegins) {
  std::vector<bool> began;
  for (int i = 0; i < 3; ++i) {
    Throttle::Attempt a;
    ASSERT_TRUE(throttle_.begin("ann", ip(host(i)), a).allowed());
    began.push_back(throttle_.end(a, Outcome::wrong));
  }
  EXPECT_EQ(began, (std::vector<bool>{false, false, true}));
}

TEST_F(ThrottleTest, MemoryIsBoundedAndAFloodDoesNotWashOutTheDelayed) {
  ThrottleOptions options = small_limits();
  options.max_accounts = 100;
  options.max_addresses = 50;
  options.account.max_delay = hours{1};
  options.account.first_delay = hours{1};
  Throttle throttle(options, clock_, random_);
  Throttle::Attempt a;
  for (int i = 0; i < 3; ++i)
    if (throttle.begin("ann", ip(host(i)), a).allowed()) throttle.end(a, Outcome::wrong);
  for (int i = 0; i < 5000; ++i) {
    if (throttle.begin("?invented" + std::to_string(i), ip(host(i)), a).allowed())
      throttle.end(a, Outcome::wrong);
  }
  EXPECT_LE(throttle.accounts(), 100U);
  EXPECT_LE(throttle.addresses(), 50U);
  EXPECT_EQ(throttle.begin("ann", ip("203.0.113.1"), a).refused_by, Limit::account);
}

}  // namespace
}  // namespace toast::auth
