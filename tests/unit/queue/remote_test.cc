// Mail for other hosts, from the submission to every way it can end.
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Outcome = remote::DeliverRemote::Outcome;

class RemoteQueueTest : public QueueTest {
 protected:
  RemoteQueueTest() {
    for (const char* domain : {"a.test", "b.test", "dead.test"})
      directory_.remote_domains.insert(domain);
  }
  std::vector<std::string> hops() const {
    std::vector<std::string> hops;
    for (const auto& t : remoted_.transactions) hops.push_back(t.next_hop);
    return hops;
  }
};

TEST_F(RemoteQueueTest, DeliversAndForgets) {
  ASSERT_TRUE(submit("sender@client.test", {"x@a.test"}));
  run_until_quiet();
  ASSERT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_EQ(remoted_.transactions[0].next_hop, "a.test");
  EXPECT_EQ(remoted_.transactions[0].reverse_path, "sender@client.test");
  EXPECT_EQ(remoted_.transactions[0].content, "Subject: x\n\nhello\n");
  EXPECT_TRUE(store_.live().empty());
  EXPECT_EQ(store_.records, 2);
  EXPECT_EQ(log_.events["queue.delivery.done"], 1);
}

TEST_F(RemoteQueueTest, RecipientsOfOneDestinationShareATransaction) {
  ASSERT_TRUE(submit("s@client.test", {"x@a.test", "y@b.test", "ann@example.org", "z@a.test"}));
  run_until_quiet();
  ASSERT_EQ(remoted_.transactions.size(), 2U);
  for (const auto& t : remoted_.transactions) {
    if (t.next_hop == "a.test") {
      EXPECT_THAT(t.recipients, ElementsAre("x@a.test", "z@a.test"));
    } else {
      EXPECT_THAT(t.recipients, ElementsAre("y@b.test"));
    }
  }
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(RemoteQueueTest, ARouteBringsDomainsTogether) {
  options_.routes = *remote::Routes::parse({":[192.0.2.1]:2525"});
  queue_->set_options(options_);
  ASSERT_TRUE(submit("s@client.test", {"x@a.test", "y@b.test"}));
  run_until_quiet();
  EXPECT_THAT(hops(), ElementsAre("[192.0.2.1]:2525"));
}

TEST_F(RemoteQueueTest, DeferredByTheRemoteIsTriedOnItsOwnSchedule) {
  remoted_.answers["x@a.test"] = {Outcome::Kind::deferred, "4.7.1 greylisted", false};
  ASSERT_TRUE(submit("s@client.test", {"x@a.test"}));
  run_until_quiet();
  advance(seconds{399});
  EXPECT_EQ(remoted_.transactions.size(), 1U);
  advance(seconds{1});
  EXPECT_EQ(remoted_.transactions.size(), 2U);
  remoted_.answers.clear();
  advance(seconds{1200});
  EXPECT_EQ(remoted_.transactions.size(), 3U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(RemoteQueueTest, RefusedGoesBackToItsSender) {
  remoted_.answers["x@a.test"] = {Outcome::Kind::failed,
                                  "5.1.1 no such user\nRemote host said: 550 no", false};
  ASSERT_TRUE(submit("bob@example.org", {"x@a.test", "y@a.test"}));
  run_until_quiet();
  const auto bounces = maild_.in("bob@example.org");
  ASSERT_EQ(bounces.size(), 1U);
  EXPECT_THAT(bounces[0].content, HasSubstr("<x@a.test>:\nno such user\n"));
  EXPECT_THAT(bounces[0].content, HasSubstr("Remote host said: 550 no"));
  EXPECT_THAT(bounces[0].content, HasSubstr("Status: 5.1.1"));
  EXPECT_THAT(bounces[0].content, testing::Not(HasSubstr("y@a.test")));
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(RemoteQueueTest, ADeadDestinationCostsOneProbeAndNobodyElse) {
  remoted_.unreachable.insert("dead.test");
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  ASSERT_TRUE(submit("s@client.test", {"x@a.test"}));
  run_until_quiet();
  EXPECT_EQ(std::ranges::count(hops(), "dead.test"), 1);
  EXPECT_EQ(std::ranges::count(hops(), "a.test"), 1);
  advance(kFirstPause + kFirstPause / kPauseSpread);
  EXPECT_EQ(std::ranges::count(hops(), "dead.test"), 2);
  remoted_.unreachable.clear();
  advance(pause_after(2) + pause_after(2) / kPauseSpread);
  advance(seconds{1600});  // the two that were probes
  EXPECT_EQ(std::ranges::count(hops(), "dead.test"), 52);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(RemoteQueueTest, WhatWaitsForADeadDestinationBouncesAtTheEndOfItsLife) {
  remoted_.unreachable.insert("dead.test");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(submit("bob@example.org", {"x@dead.test"}));
  run_until_quiet();
  for (int hour = 0; hour < 24 * 8; ++hour) advance(seconds{3600});
  const auto bounces = maild_.in("bob@example.org");
  EXPECT_EQ(bounces.size(), 5U);
  for (const auto& bounce : bounces) {
    EXPECT_THAT(bounce.content, HasSubstr("no answer"));
    EXPECT_THAT(bounce.content, HasSubstr("in the queue too long"));
  }
  EXPECT_TRUE(store_.live().empty());
  EXPECT_LT(remoted_.transactions.size(), 200U);
}

TEST_F(RemoteQueueTest, RemotedAwayDelaysAndLosesNothing) {
  remoted_link_.channel()->close("killed");
  ASSERT_TRUE(submit("s@client.test", {"x@a.test", "ann@example.org"}));
  ASSERT_TRUE(run_until([this] { return maild_.in("ann@example.org").size() == 1; }));
  EXPECT_TRUE(remoted_.transactions.empty());
  connect_remoted();
  queue_->wake();
  run_until_quiet();
  EXPECT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(RemoteQueueTest, ATransactionThatRemotedDiedOverIsDoneAgain) {
  int lost = 0;
  remoted_.before_reply = [&] {
    if (lost++ == 0) remoted_link_.channel()->close("killed");
  };
  ASSERT_TRUE(submit("s@client.test", {"x@a.test"}));
  ASSERT_TRUE(run_until([&] { return lost == 1 && in_hand() == 0; }));
  connect_remoted();
  queue_->wake();
  run_until_quiet();
  EXPECT_EQ(remoted_.transactions.size(), 2U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(RemoteQueueTest, AProbeThatRemotedDiedOverDoesNotOpenTheDestination) {
  remoted_.unreachable.insert("dead.test");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  ASSERT_EQ(hops().size(), 1U);
  int lost = 0;
  remoted_.before_reply = [&] {
    if (lost++ == 0) remoted_link_.channel()->close("killed");
  };
  clock_.advance(2 * kFirstPause);
  queue_->wake();
  ASSERT_TRUE(run_until([&] { return lost == 1 && in_hand() == 0; }));
  connect_remoted();
  queue_->wake();
  run_until_quiet();
  EXPECT_EQ(hops().size(), 2U) << "it is down still";
  EXPECT_TRUE(queue_->ledger().destinations().find("dead.test")->down);
  advance(2 * kUnclearPause);
  EXPECT_EQ(hops().size(), 3U) << "probed again soon, once";
}

TEST_F(RemoteQueueTest, AProbeThatCannotBeReadDoesNotOpenTheDestination) {
  remoted_.unreachable.insert("dead.test");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  ASSERT_EQ(hops().size(), 1U);
  for (const auto& [id, message] : queue_->ledger().messages()) message->content.reset();
  store_.unreadable = true;
  advance(2 * kFirstPause);
  EXPECT_EQ(log_.events["queue.body.unreadable"], 1);
  EXPECT_TRUE(queue_->ledger().destinations().find("dead.test")->down);
  store_.unreadable = false;
  advance(2 * kUnclearPause);
  EXPECT_EQ(hops().size(), 2U);
}

// A due time that nobody may act on is nobody's alarm: the loop sleeps.
// What waits for a dead host must not keep fresh mail out of memory.
TEST_F(RemoteQueueTest, BodiesThatWaitGiveUpTheirMemory) {
  remoted_.unreachable.insert("dead.test");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  const auto held = [this] {
    return std::ranges::count_if(queue_->ledger().messages(), [](const auto& entry) {
      return entry.second->content != nullptr;
    });
  };
  ASSERT_EQ(held(), 2);  // one was tried
  clock_.advance(kBodyPatience - std::chrono::milliseconds{1});
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  EXPECT_GE(held(), 2);
  clock_.advance(std::chrono::milliseconds{1});
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  run_until_quiet();
  EXPECT_EQ(held(), 0);
  EXPECT_EQ(maild_.in("ann@example.org").size(), 2U);
  remoted_.unreachable.clear();
  advance(2 * kFirstPause);
  ASSERT_EQ(remoted_.transactions.size(), 3U);
  EXPECT_EQ(remoted_.transactions.back().content, "Subject: x\n\nhello\n");
}

class WakeUpsTest : public RemoteQueueTest {
 protected:
  // A probe is overdue, and so is a recipient that was deferred.
  void make_overdue() {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
    ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
    run_until_quiet();
    ASSERT_EQ(queue_->ledger().counts().deferred, 2U);
  }
  // What the loop is woken up for in so long. The alarm that cannot be acted on rings each 10 ms.
  std::size_t handlers_in(std::chrono::milliseconds span) {
    io_.restart();
    return io_.run_for(span);
  }
  void SetUp() override {
    RemoteQueueTest::SetUp();
    remoted_.unreachable.insert("dead.test");
    maild_.error = Error{Failure::transient, "4.2.2 over quota", ""};
  }
  static constexpr std::chrono::milliseconds kSpan{400};
  static constexpr std::size_t kFew = 15;  // a keeper that is away is looked for each 50 ms
};

TEST_F(WakeUpsTest, OutboundPaused) {
  make_overdue();
  const std::shared_ptr<ipc::Channel> admin = connect(queue_->admin_guest().dispatcher);
  ASSERT_TRUE(wait_for(admin->call(QueuePause{QueuePause::Scope::outbound, {}, true})));
  advance(2 * kFirstPause);
  EXPECT_LT(handlers_in(kSpan), kFew);
  EXPECT_EQ(hops().size(), 1U);
  ASSERT_TRUE(wait_for(admin->call(QueuePause{QueuePause::Scope::outbound, {}, false})));
  ASSERT_TRUE(run_until([this] { return hops().size() == 2; })) << "the probe that was due";
  run_until_quiet();
  admin->close("test");
}

TEST_F(WakeUpsTest, RemotedAway) {
  make_overdue();
  remoted_link_.channel()->close("killed");
  advance(2 * kFirstPause);
  EXPECT_LT(handlers_in(kSpan), kFew);
  connect_remoted();
  ASSERT_TRUE(run_until([this] { return hops().size() == 2; })) << "nobody had to wake it";
  run_until_quiet();
}

TEST_F(WakeUpsTest, JournalFailed) {
  make_overdue();
  store_.failing = true;
  EXPECT_FALSE(submit("s@client.test", {"ann@example.org"}));
  clock_.advance(seconds{3600});
  queue_->wake();
  EXPECT_LT(handlers_in(kSpan), kFew);
  EXPECT_EQ(hops().size(), 1U);
}

// It needs no other event to begin at its time.
TEST_F(WakeUpsTest, AProbeThatIsDueWakesTheLoop) {
  make_overdue();
  const Moment due = queue_->ledger().destinations().find("dead.test")->probe_at;
  clock_.set_wall(due - std::chrono::milliseconds(30));
  queue_->wake();
  clock_.set_wall(due);
  EXPECT_EQ(hops().size(), 1U);
  ASSERT_TRUE(run_until([this] { return hops().size() == 2; }));
  run_until_quiet();
}

TEST_F(RemoteQueueTest, SurvivesARestart) {
  remoted_.answers["x@a.test"] = {Outcome::Kind::deferred, "4.7.1 later", false};
  ASSERT_TRUE(submit("s@client.test", {"x@a.test", "y@a.test"}));
  run_until_quiet();
  stop_queue();
  start_queue();
  remoted_.answers.clear();
  advance(seconds{400});
  ASSERT_EQ(remoted_.transactions.size(), 2U);
  EXPECT_THAT(remoted_.transactions[1].recipients, ElementsAre("x@a.test"));
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(RemoteQueueTest, AForwardToAnotherHostGoesThere) {
  directory_.table["alias@example.org"] = {vdomain::Forward{address("x@a.test")}};
  ASSERT_TRUE(submit("s@client.test", {"alias@example.org"}));
  run_until_quiet();
  ASSERT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_EQ(remoted_.transactions[0].content,
            "Delivered-To: alias@example.org\nSubject: x\n\nhello\n");
  EXPECT_EQ(remoted_.transactions[0].reverse_path, "s@client.test");
}

TEST_F(RemoteQueueTest, LargeBodiesGoAsAFile) {
  const std::string large = "Subject: x\n\n" + std::string(600'000, 'y') + "\n";
  ASSERT_TRUE(submit("s@client.test", {"x@a.test"}, large));
  run_until_quiet();
  ASSERT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_EQ(remoted_.transactions[0].content, large);
}

}  // namespace
}  // namespace toast::queue
