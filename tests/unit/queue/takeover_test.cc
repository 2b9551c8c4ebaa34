// Messages of another queue: taken once, with their age and what had become of them.
#include <gmock/gmock.h>

#include "mta/queue/takeover_messages.h"
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using Verdict = TakeOver::Verdict;

class TakeOverTest : public QueueTest {
 protected:
  void SetUp() override {
    QueueTest::SetUp();
    connect_toastctl();
  }
  void connect_toastctl() {
    PeerSocket::Guest guest = queue_->admin_guest();
    toastctl_ = connect(guest.dispatcher);
  }
  // Both sides die.
  void crash() {
    toastctl_->close("crash");
    stop_queue();
    clock_.advance(std::chrono::seconds{1});  // ids are not made twice
    store_.cut_after = -1;
    store_.failing = false;
    start_queue();
    connect_toastctl();
  }
  void TearDown() override {
    toastctl_->close("test");
    QueueTest::TearDown();
  }
  template <class Request>
  Result<typename Request::Reply> ask(Request request) {
    return wait_for(toastctl_->call(std::move(request)));
  }
  TakeOver head(std::uint64_t id) {
    TakeOver m;
    m.id = MessageId(id);
    m.arrival_microseconds = unix_microseconds(clock_.wall()) - 3'600'000'000;
    m.reverse_path = "me@remote.test";
    return m;
  }
  Result<Verdict> take(TakeOver begin, std::vector<TakenRecipient> recipients,
                       std::string content = "Subject: x\n\nhello\n") {
    const MessageId id = begin.id;
    Result<Verdict> verdict =
        hand_over(std::move(begin), std::move(recipients), std::move(content));
    if (verdict && *verdict != Verdict::id_taken) EXPECT_TRUE(ask(TakeOverConfirm{id}));
    return verdict;
  }
  Result<Verdict> hand_over(TakeOver begin, std::vector<TakenRecipient> recipients,
                            std::string content) {
    Result<TakeOver::Reply> reply = ask(std::move(begin));
    if (!reply) return pass(reply);
    if (reply->verdict != Verdict::wanted) return reply->verdict;
    Result<ipc::Done> done = ask(TakeOverRecipients{std::move(recipients)});
    for (std::size_t at = 0; done && at < content.size(); at += kMaxChunk)
      done = ask(TakeOverChunk{content.substr(at, kMaxChunk)});
    if (done) done = ask(TakeOverEnd{});
    if (!done) return pass(done);
    return Verdict::wanted;
  }
  std::shared_ptr<ipc::Channel> toastctl_;
};

TakenRecipient failed(const char* to, const char* text) {
  TakenRecipient r(address(to));
  r.progress.fate = Fate::failed;
  r.progress.text = text;
  return r;
}

TEST_F(TakeOverTest, IsDeliveredAndTheLastLineEnds) {
  ASSERT_EQ(take(head(7), {address("ann@example.org")}, "Subject: x\n\nno end").value(),
            Verdict::wanted);
  run_until_quiet();
  ASSERT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("ann@example.org")[0].content, "Subject: x\n\nno end\n");
  EXPECT_EQ(maild_.in("ann@example.org")[0].reverse_path, "me@remote.test");
}

TEST_F(TakeOverTest, LargeBodiesGoToAFile) {
  std::string content = "Subject: x\n\n";
  for (int i = 0; i < 100'000; ++i) content += "0123456789\n";
  ASSERT_TRUE(take(head(7), {address("ann@example.org")}, content));
  run_until_quiet();
  ASSERT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("ann@example.org")[0].content, content);
}

TEST_F(TakeOverTest, AnIdThatIsLiveIsNotTakenTwice) {
  directory_.failing = true;  // it stays
  const TakeOver first = head(7);
  ASSERT_EQ(take(first, {address("ann@example.org")}).value(), Verdict::wanted);
  EXPECT_EQ(take(first, {address("ann@example.org")}).value(), Verdict::is_here);
  TakeOver other = first;
  other.reverse_path = "somebody@remote.test";
  EXPECT_EQ(take(other, {address("ann@example.org")}).value(), Verdict::id_taken);
  EXPECT_EQ(queue_->ledger().messages().size(), 1U);
}

TEST_F(TakeOverTest, AgeScheduleAndHoldAreKept) {
  TakenRecipient waiting(address("ann@example.org"));
  waiting.progress = {Fate::pending, 3,
                      unix_microseconds(clock_.wall()) + std::int64_t{600} * 1'000'000,
                      "4.2.2 over quota"};
  const TakeOver old = head(7);
  ASSERT_TRUE(take(old, {waiting}));
  TakeOver held = head(8);
  held.hold = "looked at by hand";
  ASSERT_TRUE(take(held, {address("bob@example.org")}));
  run_until_quiet();
  EXPECT_EQ(maild_.requests, 0);
  const std::shared_ptr<QueuedMessage> message = queue_->ledger().find(MessageId(7));
  ASSERT_TRUE(message);
  EXPECT_EQ(unix_microseconds(message->arrival), old.arrival_microseconds);
  EXPECT_EQ(describe_recipient(*message, 0).attempts, 3U);
  EXPECT_EQ(describe_recipient(*message, 0).last_text, "4.2.2 over quota");
  EXPECT_EQ(queue_->ledger().find(MessageId(8))->hold, "looked at by hand");
  restart_queue();  // all of it was written
  EXPECT_EQ(describe_recipient(*queue_->ledger().find(MessageId(7)), 0).attempts, 3U);
  EXPECT_EQ(queue_->ledger().find(MessageId(8))->hold, "looked at by hand");
  advance(std::chrono::seconds(601));
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
}

// The id of an imported message says nothing of its age.
TEST_F(TakeOverTest, SendersAreWarnedOfDelays) {
  using std::chrono::hours;
  options_.delay_warning = hours{4};
  queue_->set_options(options_);
  maild_.errors["maildir/postmaster@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  TakeOver young = head(7);  // an hour old
  young.reverse_path = "bob@example.org";
  TakeOver old = head(8);
  old.arrival_microseconds -= std::int64_t{9} * 3'600'000'000;
  old.reverse_path = "ann@example.org";
  for (const TakeOver& message : {young, old})
    ASSERT_TRUE(take(message, {address("postmaster@example.org")}));
  const auto pass = [this](hours span) {
    for (int minute = 0; minute < 60 * span.count(); ++minute) advance(std::chrono::minutes{1});
  };
  const auto warnings = [this](const char* to) { return maild_.in(to).size(); };
  pass(hours{2});
  EXPECT_EQ(warnings("bob@example.org"), 0U);
  pass(hours{2});
  EXPECT_EQ(warnings("bob@example.org"), 1U);
  EXPECT_EQ(warnings("ann@example.org"), 0U) << "its time had gone by when it came";
  pass(hours{1});
  EXPECT_EQ(warnings("ann@example.org"), 1U);
  restart_queue();
  pass(hours{5});
  EXPECT_EQ(warnings("bob@example.org"), 1U);
  EXPECT_EQ(warnings("ann@example.org"), 1U);
  EXPECT_EQ(queue_->ledger().messages().size(), 2U);
}

TEST_F(TakeOverTest, TheBounceThatIsDueIsSent) {
  TakeOver from = head(7);
  from.reverse_path = "bob@example.org";
  ASSERT_TRUE(take(
      from, {failed("zoe@remote.test", "no such person. (#5.1.1)"), address("ann@example.org")}));
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  const std::string bounce = maild_.in("bob@example.org")[0].content;
  EXPECT_THAT(bounce, testing::HasSubstr("<zoe@remote.test>:\nno such person. (#5.1.1)\n"));
  EXPECT_THAT(bounce, testing::HasSubstr("Status: 5.1.1\n"));
  // Nothing but the bounce is left of this one.
  from.id = MessageId(9);
  ASSERT_TRUE(take(from, {failed("zoe@remote.test", "gone")}));
  run_until_quiet();
  EXPECT_EQ(maild_.in("bob@example.org").size(), 2U);
  EXPECT_TRUE(queue_->ledger().messages().empty());
}

TEST_F(TakeOverTest, WhatWasDoneIsNotDoneAgain) {
  ASSERT_EQ(ask(head(7))->verdict, Verdict::wanted);
  ASSERT_TRUE(ask(TakeOverRecipients{{address("list@example.org")}}));
  TakeOverSteps steps;
  for (const char* to : {"ann@example.org", "bob@example.org"}) {
    Encoder encoder;
    vdomain::put_instruction(
        encoder, vdomain::DeliverMaildir{address(to), std::string("maildir/") + to, {}});
    steps.steps.push_back({encoder.take(), {}});
  }
  steps.steps[0].progress.fate = Fate::delivered;
  ASSERT_TRUE(ask(std::move(steps)));
  ASSERT_TRUE(ask(TakeOverChunk{"Subject: x\n\n"}));
  ASSERT_TRUE(ask(TakeOverEnd{}));
  ASSERT_TRUE(ask(TakeOverConfirm{MessageId(7)}));
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 0U);
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
}

// What the client cannot note, because its disk is full or it dies, must not be delivered: it comes
// again.
TEST_F(TakeOverTest, IsHeldUntilItIsConfirmed) {
  const TakeOver from = head(7);
  ASSERT_EQ(hand_over(from, {address("ann@example.org")}, "x\n").value(), Verdict::wanted);
  run_until_quiet();
  EXPECT_EQ(maild_.requests, 0);
  crash();
  run_until_quiet();
  EXPECT_EQ(maild_.requests, 0);
  EXPECT_EQ(take(from, {address("ann@example.org")}).value(), Verdict::is_here);
  EXPECT_TRUE(ask(TakeOverSettle{}));
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_TRUE(store_.live().empty());
  EXPECT_TRUE(ask(TakeOverConfirm{from.id})) << "said again, of a message that has gone";
  // The confirmation itself gets lost: the next run, which has it on its list, says it again.
  TakeOver other = head(8);
  other.hold = "looked at by hand";
  ASSERT_TRUE(hand_over(other, {address("bob@example.org")}, "x\n"));
  crash();
  ASSERT_TRUE(ask(TakeOverConfirm{other.id}));
  ASSERT_TRUE(ask(TakeOverSettle{}));
  crash();
  EXPECT_EQ(queue_->ledger().find(other.id)->hold, "looked at by hand");
  EXPECT_TRUE(ask(TakeOverConfirm{other.id})) << "which changes nothing now";
  EXPECT_EQ(queue_->ledger().find(other.id)->hold, "looked at by hand");
}

// The records of one message fill the rest of a segment and go on in the next one; the power goes
// after any of them. Whoever had the message in the old queue has it still, and nobody gets what
// the old queue had sent.
TEST_F(TakeOverTest, ABatchThatWasCutIsTakenAnew) {
  const auto hand_over_all = [this](const TakeOver& begin) -> Result<ipc::Done> {
    Result<TakeOver::Reply> reply = ask(TakeOver(begin));
    if (!reply) return pass(reply);
    if (reply->verdict == Verdict::is_here) return ipc::Done{};
    EXPECT_EQ(reply->verdict, Verdict::wanted);
    TakenRecipient waits(address("ann@example.org"));
    waits.progress = {Fate::pending, 2, 0, "4.2.2 over quota"};
    EXPECT_TRUE(ask(TakeOverRecipients{
        {address("list@example.org"), failed("zoe@remote.test", "gone"), waits}}));
    TakeOverSteps steps;
    for (const char* to : {"ann@example.org", "postmaster@example.org"}) {
      Encoder encoder;
      vdomain::put_instruction(
          encoder, vdomain::DeliverMaildir{address(to), std::string("maildir/") + to, {}});
      steps.steps.push_back({encoder.take(), {}});
    }
    steps.steps[0].progress.fate = Fate::delivered;
    EXPECT_TRUE(ask(std::move(steps)));
    EXPECT_TRUE(ask(TakeOverChunk{"Subject: x\n\n"}));
    return ask(TakeOverEnd{});
  };
  constexpr int kRecords = 6;  // Accepted, Frozen, two outcomes, a deferral, and the last one
  for (int cut = 0; cut <= kRecords; ++cut) {
    SCOPED_TRACE(cut);
    TakeOver begin = head(static_cast<std::uint64_t>(100 + cut));
    begin.reverse_path = "bob@example.org";
    store_.cut_after = cut;
    EXPECT_EQ(hand_over_all(begin).has_value(), cut == kRecords);
    crash();
    run_until_quiet();
    ASSERT_TRUE(hand_over_all(begin));
    ASSERT_TRUE(ask(TakeOverConfirm{begin.id}));
    run_until_quiet();
    const auto runs = static_cast<std::size_t>(cut + 1);
    EXPECT_EQ(maild_.in("ann@example.org").size(), runs) << "as herself, not by the list";
    EXPECT_EQ(maild_.in("postmaster@example.org").size(), runs);
    EXPECT_EQ(maild_.in("bob@example.org").size(), runs) << "one bounce for Zoe";
    EXPECT_TRUE(store_.live().empty());
  }
}

TEST_F(TakeOverTest, OutOfOrder) {
  EXPECT_FALSE(ask(TakeOverEnd{}));
  EXPECT_FALSE(ask(TakeOverChunk{"x"}));
  EXPECT_FALSE(ask(TakeOverRecipients{{address("ann@example.org")}}));
  ASSERT_TRUE(ask(head(7)));
  EXPECT_EQ(ask(TakeOverEnd{}).error().failure, Failure::permanent);  // to nobody
  EXPECT_FALSE(ask(TakeOverEnd{}));
  TakeOver bad = head(7);
  bad.reverse_path = "no address";
  EXPECT_EQ(ask(bad).error().failure, Failure::permanent);
  EXPECT_TRUE(queue_->ledger().messages().empty());
}

TEST_F(TakeOverTest, NotWhilePaused) {
  ASSERT_TRUE(ask(QueuePause{QueuePause::Scope::inbound, {}, true}));
  EXPECT_EQ(ask(head(7)).error().failure, Failure::transient);
}

}  // namespace
}  // namespace toast::queue
