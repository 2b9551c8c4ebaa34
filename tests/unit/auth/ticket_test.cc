#include "auth/ticket.h"

#include <gtest/gtest.h>

#include <optional>

namespace toast::auth {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ConnectionId kHere{"toast-pop3d.1", "c0ffee"};
const Grant kGrant{"ann@example.org", "example.org/ann/Maildir", 1'000'000, 5000, Service::pop3};

Secret test_key(char fill = 'k') { return Secret(std::string(kTicketKeyBytes, fill)); }

class TicketTest : public testing::Test {
 protected:
  FakeClock clock_;
  TicketVerifier verifier_{test_key(), clock_};
  TicketIssuer issuer_{test_key(), clock_};
  std::string ticket_ = issuer_.issue(kGrant, kHere).value();

  void expect_refused(std::string_view ticket, const char* why, Failure failure,
                      const ConnectionId& connection = kHere, Service service = Service::pop3) {
    const Result<Grant> got = verifier_.redeem(ticket, service, connection);
    ASSERT_FALSE(got) << "accepted, expected: " << why;
    EXPECT_NE(got.error().detail.find(why), std::string::npos) << got.error().detail;
    EXPECT_EQ(got.error().failure, failure);
  }
};

TEST_F(TicketTest, OpensWhatItWasIssuedForOnce) {
  EXPECT_EQ(verifier_.redeem(ticket_, Service::pop3, kHere).value(), kGrant);
  expect_refused(ticket_, "used before", Failure::permanent);
}

TEST_F(TicketTest, TwoTicketsOfOneConnectionAreTwo) {
  const std::string second = issuer_.issue(kGrant, kHere).value();
  EXPECT_NE(ticket_, second);
  EXPECT_TRUE(verifier_.redeem(second, Service::pop3, kHere));
  EXPECT_TRUE(verifier_.redeem(ticket_, Service::pop3, kHere));
}

TEST_F(TicketTest, BelongsToItsConnectionAndService) {
  expect_refused(ticket_, "another connection", Failure::permanent, {"toast-pop3d.2", "c0ffee"});
  expect_refused(ticket_, "another connection", Failure::permanent, {"toast-pop3d.1", "c0ffef"});
  expect_refused(ticket_, "another connection", Failure::permanent, {"toast-pop3d.1c", "0ffee"});
  expect_refused(ticket_, "issued for pop3", Failure::permanent, kHere, Service::smtp);
  // None of the attempts above used it up.
  EXPECT_TRUE(verifier_.redeem(ticket_, Service::pop3, kHere));
}

TEST_F(TicketTest, EveryBitIsAuthenticated) {
  for (std::size_t i = 0; i < ticket_.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string forged = ticket_;
      forged[i] = static_cast<char>(forged[i] ^ (1 << bit));
      expect_refused(forged, "not authentic", Failure::permanent);
    }
  }
  EXPECT_TRUE(verifier_.redeem(ticket_, Service::pop3, kHere));
}

TEST_F(TicketTest, EveryLengthIsAuthenticated) {
  for (std::size_t size = 0; size < ticket_.size(); ++size)
    EXPECT_FALSE(verifier_.redeem(ticket_.substr(0, size), Service::pop3, kHere)) << size;
  expect_refused(ticket_ + "x", "not authentic", Failure::permanent);
  expect_refused(std::string(kMaxTicketBytes + 1, 'x'), "ticket of", Failure::permanent);
  expect_refused("", "ticket of", Failure::permanent);
}

TEST_F(TicketTest, AnotherKeyOpensNothing) {
  TicketVerifier other(test_key('o'), clock_);
  EXPECT_FALSE(other.redeem(ticket_, Service::pop3, kHere));
  EXPECT_THROW(TicketVerifier(Secret("short"), clock_), std::invalid_argument);
  EXPECT_THROW(TicketIssuer(Secret(), clock_), std::invalid_argument);
}

TEST_F(TicketTest, Expires) {
  clock_.advance(kTicketLifetime - milliseconds{1});
  EXPECT_TRUE(verifier_.redeem(ticket_, Service::pop3, kHere));
  const std::string late = issuer_.issue(kGrant, kHere).value();
  clock_.advance(kTicketLifetime);
  expect_refused(late, "expired", Failure::permanent);
}

TEST_F(TicketTest, TheWallClockDoesNotMatter) {
  clock_.set_wall(clock_.wall() + std::chrono::hours{24 * 365});
  EXPECT_TRUE(verifier_.redeem(ticket_, Service::pop3, kHere));
}

TEST_F(TicketTest, DoesNotOutliveItsIssuer) {
  clock_.advance(seconds{1});
  TicketIssuer successor(test_key(), clock_);
  const std::string next = successor.issue(kGrant, kHere).value();
  EXPECT_TRUE(verifier_.redeem(next, Service::pop3, kHere));
  expect_refused(ticket_, "issuer has been replaced", Failure::permanent);
}

TEST_F(TicketTest, DoesNotOutliveItsIssuerWhenToldOfItsEnd) {
  clock_.advance(seconds{1});
  verifier_.issuer_ended(clock_.steady());
  expect_refused(ticket_, "restarted", Failure::transient);
}

// The word may come late: the successor has begun to issue by then.
TEST_F(TicketTest, TheEndOfAnIssuerLeavesTheTicketsOfItsSuccessor) {
  clock_.advance(seconds{1});
  const SteadyTime end = clock_.steady();
  clock_.advance(milliseconds{50});
  TicketIssuer successor(test_key(), clock_);
  const std::string next = successor.issue(kGrant, kHere).value();
  clock_.advance(seconds{1});
  verifier_.issuer_ended(end);
  expect_refused(ticket_, "restarted", Failure::transient);
  EXPECT_TRUE(verifier_.redeem(next, Service::pop3, kHere));
}

TEST_F(TicketTest, AnEndOfLongAgoRevivesNothing) {
  clock_.advance(seconds{1});
  verifier_.issuer_ended(clock_.steady());
  verifier_.issuer_ended(clock_.steady() - seconds{10});
  expect_refused(ticket_, "restarted", Failure::transient);
}

// The memory of used tickets died with the verifier, so what it may have seen is refused.
TEST_F(TicketTest, CannotBeReplayedAcrossARestartOfTheVerifier) {
  EXPECT_TRUE(verifier_.redeem(ticket_, Service::pop3, kHere));
  clock_.advance(seconds{1});
  TicketVerifier restarted(test_key(), clock_);
  const Result<Grant> again = restarted.redeem(ticket_, Service::pop3, kHere);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().failure, Failure::transient);
}

TEST_F(TicketTest, SerialsOfANewIssuerAreNotConfusedWithTheOld) {
  EXPECT_TRUE(verifier_.redeem(ticket_, Service::pop3, kHere));  // serial 1
  clock_.advance(seconds{1});
  TicketIssuer successor(test_key(), clock_);
  const std::string first = successor.issue(kGrant, kHere).value();  // serial 1 again
  EXPECT_TRUE(verifier_.redeem(first, Service::pop3, kHere));
  expect_refused(first, "used before", Failure::permanent);
}

TEST_F(TicketTest, MemoryOfUsedTicketsIsBoundedAndForgetsTheExpired) {
  TicketVerifier small(test_key(), clock_, 3);
  for (int i = 0; i < 3; ++i) {
    const std::string ticket = issuer_.issue(kGrant, kHere).value();
    EXPECT_TRUE(small.redeem(ticket, Service::pop3, kHere));
    clock_.advance(seconds{1});
  }
  const std::string fourth = issuer_.issue(kGrant, kHere).value();
  const Result<Grant> full = small.redeem(fourth, Service::pop3, kHere);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().failure, Failure::transient);
  clock_.advance(seconds{28});  // the first has expired, the fourth not
  EXPECT_TRUE(small.redeem(fourth, Service::pop3, kHere));
  EXPECT_LE(small.remembered(), 3U);
}

TEST_F(TicketTest, LimitsAreKeptWhenIssuing) {
  struct Case {
    const char* why;
    Grant grant;
    ConnectionId connection;
  };
  Grant no_mailbox = kGrant, long_mailbox = kGrant, no_maildir = kGrant, long_maildir = kGrant;
  no_mailbox.mailbox.clear();
  long_mailbox.mailbox.assign(kMaxLoginName + 1, 'a');
  no_maildir.maildir.clear();
  long_maildir.maildir.assign(kMaxMaildirPath + 1, 'a');
  const Case kCases[] = {
      {"mailbox", no_mailbox, kHere},
      {"mailbox", long_mailbox, kHere},
      {"maildir", no_maildir, kHere},
      {"maildir", long_maildir, kHere},
      {"front end", kGrant, {"", "c"}},
      {"front end", kGrant, {std::string(kMaxFrontEndName + 1, 'f'), "c"}},
      {"connection", kGrant, {"f", std::string(kMaxConnection + 1, 'c')}},
  };
  for (const Case& c : kCases) {
    const Result<std::string> made = issuer_.issue(c.grant, c.connection);
    ASSERT_FALSE(made) << c.why;
    EXPECT_NE(made.error().detail.find(c.why), std::string::npos) << made.error().detail;
  }
}

TEST_F(TicketTest, TheLargestFits) {
  const Grant largest{std::string(kMaxLoginName, 'a'), std::string(kMaxMaildirPath, 'm'), ~0ULL,
                      ~0ULL, kLastService};
  const ConnectionId connection{std::string(kMaxFrontEndName, 'f'),
                                std::string(kMaxConnection, 'c')};
  const std::string ticket = issuer_.issue(largest, connection).value();
  EXPECT_LE(ticket.size(), kMaxTicketBytes);
  EXPECT_EQ(verifier_.redeem(ticket, kLastService, connection).value(), largest);
}

}  // namespace
}  // namespace toast::auth
