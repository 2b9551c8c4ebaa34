// The operator's hands, over the socket's messages.
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using Outcome = remote::DeliverRemote::Outcome;
using Verb = QueueAct::Action;

class OperatorTest : public QueueTest {
 protected:
  OperatorTest() {
    for (const char* domain : {"a.test", "dead.test"}) directory_.remote_domains.insert(domain);
    remoted_.unreachable.insert("dead.test");
    remoted_.answers["later@a.test"] = {Outcome::Kind::deferred, "4.7.1 greylisted", false};
  }
  void SetUp() override {
    QueueTest::SetUp();
    admin_ = connect(queue_->admin());
  }
  void restart() {
    admin_->close("test");
    stop_queue();
    start_queue();
    admin_ = connect(queue_->admin());
  }
  QueueAct::Reply act(Verb action, Selection selection, std::string reason = {},
                      bool dry_run = false) {
    QueueAct question{action, std::move(selection), std::move(reason), dry_run};
    Result<QueueAct::Reply> reply = wait_for(admin_->call(std::move(question)));
    EXPECT_TRUE(reply);
    run_until_quiet();
    return reply ? *reply : QueueAct::Reply{};
  }
  Result<ipc::Done> pause(QueuePause::Scope scope, bool paused, std::string name = {}) {
    QueuePause question{scope, std::move(name), paused};
    return wait_for(admin_->call(std::move(question)));
  }
  std::size_t tries(const std::string& hop) const {
    return static_cast<std::size_t>(
        std::ranges::count(remoted_.transactions, hop, &FakeRemoted::Transaction::next_hop));
  }
  std::shared_ptr<ipc::Channel> admin_;
};

TEST_F(OperatorTest, RetryTriesNowWhateverTheSchedule) {
  ASSERT_TRUE(submit("s@client.test", {"later@a.test"}));
  run_until_quiet();
  remoted_.answers.clear();
  const QueueAct::Reply reply = act(Verb::retry, {});
  EXPECT_EQ(reply.messages, 1U);
  EXPECT_EQ(tries("a.test"), 2U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(OperatorTest, RetryProbesADestinationThatIsDown) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  remoted_.unreachable.clear();
  Selection selection;
  selection.domain = "dead.test";
  act(Verb::retry, selection);
  run_until_quiet();
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(OperatorTest, RetryOnlyWhatIsSelected) {
  remoted_.answers["other@a.test"] = remoted_.answers["later@a.test"];
  ASSERT_TRUE(submit("s@client.test", {"later@a.test", "other@a.test"}));
  run_until_quiet();
  remoted_.answers.clear();
  Selection selection;
  selection.recipient = "OTHER@*";
  EXPECT_EQ(act(Verb::retry, selection).recipients, 1U);
  ASSERT_EQ(remoted_.transactions.size(), 2U);
  EXPECT_THAT(remoted_.transactions[1].recipients, ElementsAre("other@a.test"));
}

TEST_F(OperatorTest, HeldUntilReleasedAcrossARestart) {
  ASSERT_TRUE(submit("s@client.test", {"later@a.test", "x@dead.test"}));
  ASSERT_TRUE(submit("other@client.test", {"later@a.test"}));
  run_until_quiet();
  Selection selection;
  selection.sender = "s@client.test";
  EXPECT_EQ(act(Verb::hold, selection, "looks like spam").messages, 1U);
  remoted_.answers.clear();
  remoted_.unreachable.clear();
  restart();
  for (int i = 0; i < 10; ++i) advance(hours{1});
  ASSERT_EQ(queue_->ledger().messages().size(), 1U);  // the other has gone
  const QueueList::Reply list = queue_->desk().list({});
  EXPECT_EQ(list.messages.at(0).hold, "looks like spam");
  EXPECT_EQ(act(Verb::release, {}).messages, 1U);
  advance(hours{1});
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(OperatorTest, HoldReachesWhatWaitsForADestination) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  act(Verb::hold, {}, "wait");
  remoted_.unreachable.clear();
  advance(hours{2});
  EXPECT_EQ(tries("dead.test"), 1U);
  act(Verb::release, {});
  advance(hours{2});
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(OperatorTest, RemoveForgetsAndTellsNobody) {
  ASSERT_TRUE(submit("bob@example.org", {"later@a.test", "x@dead.test"}));
  run_until_quiet();
  EXPECT_EQ(act(Verb::remove, {}).recipients, 2U);
  run_until_quiet();
  EXPECT_TRUE(store_.live().empty());
  EXPECT_TRUE(maild_.in("bob@example.org").empty());
}

TEST_F(OperatorTest, BounceSaysWhyAndWhatTheLastAnswerWas) {
  ASSERT_TRUE(submit("bob@example.org", {"later@a.test", "x@dead.test"}));
  run_until_quiet();
  Selection selection;
  selection.reason = "GREYlisted";
  EXPECT_EQ(act(Verb::bounce, selection, "their server is gone for good").recipients, 1U);
  EXPECT_EQ(queue_->ledger().messages().size(), 1U);  // the other recipient goes on
  EXPECT_TRUE(maild_.in("bob@example.org").empty());  // one bounce, at the end
  act(Verb::bounce, {});
  ASSERT_TRUE(run_until([this] { return maild_.in("bob@example.org").size() == 1; }));
  const std::string bounce = maild_.in("bob@example.org")[0].content;
  EXPECT_THAT(bounce, HasSubstr("their server is gone for good"));
  EXPECT_THAT(bounce, HasSubstr("greylisted"));
  EXPECT_THAT(bounce, HasSubstr("<x@dead.test>:"));
  run_until_quiet();
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(OperatorTest, GivingUpOneRecipientLeavesTheOthersToTheirSchedule) {
  ASSERT_TRUE(submit("bob@example.org", {"later@a.test", "x@dead.test"}));
  run_until_quiet();
  Selection selection;
  selection.domain = "dead.test";
  act(Verb::remove, selection);
  remoted_.answers.clear();
  advance(seconds{400});
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(OperatorTest, DryRunCountsAndChangesNothing) {
  ASSERT_TRUE(submit("s@client.test", {"later@a.test"}));
  run_until_quiet();
  EXPECT_EQ(act(Verb::remove, {}, {}, true).messages, 1U);
  EXPECT_EQ(queue_->ledger().messages().size(), 1U);
}

TEST_F(OperatorTest, SelectsByAgeLoginIdAndNullSender) {
  ASSERT_TRUE(submit("s@client.test", {"later@a.test"}));
  const MessageId old = last_id_;
  run_until_quiet();
  advance(hours{2});
  ASSERT_TRUE(submit("", {"later@a.test"}));
  run_until_quiet();
  const auto count = [this](auto set) {
    Selection selection;
    set(selection);
    return act(Verb::hold, selection, {}, true).messages;
  };
  EXPECT_EQ(count([](Selection& s) { s.min_age_seconds = 3600; }), 1U);
  EXPECT_EQ(count([](Selection& s) { s.max_age_seconds = 3600; }), 1U);
  EXPECT_EQ(count([](Selection& s) { s.sender = "<>"; }), 1U);
  EXPECT_EQ(count([&](Selection& s) { s.ids = {old}; }), 1U);
  EXPECT_EQ(count([](Selection& s) { s.login = "ann@*"; }), 0U);
  EXPECT_EQ(count([](Selection& s) { s.destination = "a.test"; }), 2U);
  EXPECT_EQ(count([](Selection& s) { s.held_only = true; }), 0U);
}

TEST_F(OperatorTest, PausedOutboundKeepsLocalMailGoing) {
  ASSERT_TRUE(pause(QueuePause::Scope::outbound, true));
  ASSERT_TRUE(submit("s@client.test", {"x@a.test", "ann@example.org"}));
  ASSERT_TRUE(run_until([this] { return maild_.in("ann@example.org").size() == 1; }));
  EXPECT_EQ(tries("a.test"), 0U);
  EXPECT_THAT(queue_->desk().status().warnings.at(0), HasSubstr("outbound mail"));
  ASSERT_TRUE(pause(QueuePause::Scope::outbound, false));
  run_until_quiet();
  EXPECT_EQ(tries("a.test"), 1U);
  EXPECT_FALSE(pause(QueuePause::Scope::outbound, false));  // it is not paused
}

TEST_F(OperatorTest, PausedInboundRefusesForNow) {
  ASSERT_TRUE(pause(QueuePause::Scope::inbound, true));
  const Result<ipc::Done> refused = submit("s@client.test", {"ann@example.org"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::transient);
  EXPECT_THAT(refused.error().reply, HasSubstr("4.3.2"));
  ASSERT_TRUE(pause(QueuePause::Scope::inbound, false));
  EXPECT_TRUE(submit("s@client.test", {"ann@example.org"}));
}

TEST_F(OperatorTest, PausedDestinationWaitsTheOthersGo) {
  ASSERT_TRUE(pause(QueuePause::Scope::destination, true, "dead.test"));
  remoted_.unreachable.clear();
  ASSERT_TRUE(submit("s@client.test", {"x@a.test", "x@dead.test"}));
  ASSERT_TRUE(run_until([this] { return tries("a.test") == 1; }));
  EXPECT_EQ(tries("dead.test"), 0U);
  ASSERT_TRUE(pause(QueuePause::Scope::destination, false, "dead.test"));
  ASSERT_TRUE(run_until([this] { return tries("dead.test") == 1; }));
}

TEST_F(OperatorTest, TopCountsWhatIsOpen) {
  ASSERT_TRUE(submit("s@client.test", {"later@a.test", "x@dead.test"}));
  ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  const Result<QueueTop::Reply> top = wait_for(admin_->call(QueueTop{QueueTop::By::domain, 10}));
  ASSERT_TRUE(top);
  ASSERT_EQ(top->rows.size(), 2U);
  EXPECT_EQ(top->rows[0].key, "dead.test");
  EXPECT_EQ(top->rows[0].messages, 2U);
  EXPECT_EQ(top->rows[1].key, "a.test");
  EXPECT_EQ(top->rows[1].deferred, 1U);
}

TEST_F(OperatorTest, DestinationsShowWhatIsDownAndWhy) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  const Result<QueueDestinations::Reply> reply = wait_for(admin_->call(QueueDestinations{}));
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->rows.size(), 1U);
  EXPECT_TRUE(reply->rows[0].down);
  EXPECT_EQ(reply->rows[0].waiting, 2U);
  EXPECT_EQ(reply->rows[0].why, "4.4.1 no answer");
}

TEST_F(OperatorTest, WhatWaitsForADeadDestinationSaysWhyThoughItWasNeverTried) {
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(submit("s@client.test", {"x@dead.test"}));
  run_until_quiet();
  const QueueList::Reply list = queue_->desk().list({});
  ASSERT_EQ(list.messages.size(), 2U);
  EXPECT_THAT(list.messages[1].last_error, HasSubstr("cannot be reached: 4.4.1 no answer"));
  const std::chrono::seconds pause = spread(kFirstPause, "dead.test", 1);
  EXPECT_EQ(list.messages[1].next_attempt_seconds, unix_seconds(clock_.wall()) + pause.count());
  const auto shown = queue_->desk().show({list.messages[1].id, 0});
  ASSERT_TRUE(shown);
  EXPECT_THAT(shown->recipients.at(0).last_text, HasSubstr("waits for dead.test"));
}

TEST(Pauses, SurviveARestart) {
  std::string directory = testing::TempDir() + "/pauses.XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  Result<std::unique_ptr<RealDisk>> disk = RealDisk::open_directory(directory);
  ASSERT_TRUE(disk);
  Result<Pauses> pauses = Pauses::load(**disk);
  ASSERT_TRUE(pauses);
  EXPECT_FALSE(pauses->any());
  pauses->outbound = true;
  pauses->destinations.insert("a.test");
  ASSERT_TRUE(pauses->save());
  Result<Pauses> again = Pauses::load(**disk);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->outbound);
  EXPECT_FALSE(again->inbound);
  EXPECT_EQ(again->destinations, pauses->destinations);
  ASSERT_TRUE(replace_file(directory + "/paused", "rubbish\n", 0600));
  EXPECT_FALSE(Pauses::load(**disk));
}

}  // namespace
}  // namespace toast::queue
