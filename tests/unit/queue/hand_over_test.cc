// Mailboxes that an LMTP server keeps: their mail takes the way of mail for other hosts, after all
// else that is to be done for the recipient.
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Outcome = remote::DeliverRemote::Outcome;

constexpr const char* kEve = "eve@example.org";
constexpr const char* kServer = "lmtp:/run/dovecot/lmtp";

class HandOverTest : public QueueTest {
 protected:
  HandOverTest() { directory_.table[kEve] = {eve()}; }
  static vdomain::HandOver eve() { return {*NextHop::parse(kServer), address(kEve)}; }
  static vdomain::DeliverMaildir ann() {
    return {address("ann@example.org"), "maildir/ann@example.org", {}};
  }
  void defer_eve() { remoted_.answers[kEve] = {Outcome::Kind::deferred, "4.2.2 full", false}; }
};

TEST_F(HandOverTest, TheServerIsTheNextHop) {
  directory_.table["Dan@example.org"] = {
      vdomain::HandOver{*NextHop::parse(kServer), address("dan@example.org")}};
  ASSERT_TRUE(submit("s@client.test", {kEve, "ann@example.org", "Dan@example.org"}));
  run_until_quiet();
  ASSERT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_EQ(remoted_.transactions[0].next_hop, kServer);
  EXPECT_THAT(remoted_.transactions[0].recipients, ElementsAre(kEve, "Dan@example.org"));
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(HandOverTest, ItsRefusalBounces) {
  remoted_.answers[kEve] = {Outcome::Kind::failed, "5.1.1 no such user", false};
  ASSERT_TRUE(submit("bob@example.org", {kEve}));
  run_until_quiet();
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("bob@example.org")[0].content,
              HasSubstr("<eve@example.org>:\nno such user"));
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(HandOverTest, ADeferredOneIsLookedUpAnew) {
  defer_eve();
  ASSERT_TRUE(submit("s@client.test", {kEve}));
  run_until_quiet();
  directory_.mailbox(kEve);
  advance(seconds{1600});
  EXPECT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_EQ(maild_.in(kEve).size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(HandOverTest, WhatStandsBesideItIsDoneFirstAndOnce) {
  directory_.table[kEve] = {eve(), ann(), vdomain::Forward{address("bob@example.org")}};
  defer_eve();
  ASSERT_TRUE(submit("s@client.test", {kEve}));
  run_until_quiet();
  EXPECT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
  directory_.table[kEve].clear();  // too late: the list is fixed
  restart_queue();
  remoted_.answers.clear();
  advance(seconds{1600});
  EXPECT_EQ(remoted_.transactions.size(), 2U);
  EXPECT_EQ(remoted_.transactions.back().recipients.front(), kEve);
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_EQ(maild_.repetitions, 0);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(HandOverTest, WhileAnotherIsDeferredItWaits) {
  directory_.table[kEve] = {eve(), ann()};
  maild_.errors["maildir/ann@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("s@client.test", {kEve}));
  run_until_quiet();
  EXPECT_TRUE(remoted_.transactions.empty());
  maild_.errors.clear();
  advance(seconds{400});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(HandOverTest, WhatIsDeferredToTheEndDoesNotKeepItAway) {
  directory_.table[kEve] = {vdomain::Defer{"4.3.5 no programs"}, eve()};
  ASSERT_TRUE(submit("bob@example.org", {kEve}));
  run_until_quiet();
  for (int hour = 0; hour < 24 * 8; ++hour) advance(seconds{3600});
  EXPECT_EQ(remoted_.transactions.size(), 1U);
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("bob@example.org")[0].content, HasSubstr("no programs"));
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(HandOverTest, ARefusalBesideItBouncesOnceItIsDone) {
  directory_.table[kEve] = {vdomain::Refuse{"5.7.1 closed"}, eve()};
  ASSERT_TRUE(submit("bob@example.org", {kEve}));
  run_until_quiet();
  EXPECT_EQ(remoted_.transactions.size(), 1U);
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("bob@example.org")[0].content,
              HasSubstr("<eve@example.org>:\nclosed (#5.7.1)"));
  EXPECT_TRUE(store_.live().empty());
}

}  // namespace
}  // namespace toast::queue
