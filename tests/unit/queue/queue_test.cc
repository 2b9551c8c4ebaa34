// A message's way through the queue, with every way it can end.
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(QueueTest, DeliversAndForgets) {
  ASSERT_TRUE(submit("sender@client.test", {"ann@example.org"}));
  run_until_quiet();
  const auto files = maild_.in("ann@example.org");
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].content, "Subject: x\n\nhello\n");
  EXPECT_EQ(files[0].reverse_path, "sender@client.test");
  EXPECT_EQ(files[0].recipient, "ann@example.org");
  EXPECT_TRUE(store_.live().empty());
  EXPECT_TRUE(queue_->ledger().messages().empty());
  EXPECT_EQ(store_.records, 2);  // accepted; its outcome and end in one
  EXPECT_EQ(store_.reads, 0);    // the body came from memory
  EXPECT_EQ(log_.events["queue.message.accepted"], 1);
  EXPECT_EQ(log_.events["queue.delivery.done"], 1);
}

TEST_F(QueueTest, ManyRecipients) {
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org", "bob@example.org", "ann@example.org"}));
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 2U);  // asked for twice, delivered twice
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(QueueTest, EmptyBodyAndNullSender) {
  ASSERT_TRUE(submit("", {"ann@example.org"}, ""));
  run_until_quiet();
  ASSERT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("ann@example.org")[0].reverse_path, "");
}

TEST_F(QueueTest, ConcurrentSubmissionsShareCommits) {
  store_.close_gate();
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    SubmitBegin begin;
    begin.submission = ++submission_;
    begin.id = next_id();
    begin.reverse_path = address("s@client.test");
    begin.recipients.push_back(address("ann@example.org"));
    smtpd_->notify(std::move(begin));
    asio::co_spawn(io_, send_body(submission_, "x\n"),
                   [&answered](std::exception_ptr, Result<ipc::Done> r) {
                     if (r) ++answered;
                   });
  }
  ASSERT_TRUE(run_until([this] { return queue_->commits().backlog() >= 99; }));
  EXPECT_EQ(answered, 0);  // nothing is promised before it is durable
  store_.open_gate();
  ASSERT_TRUE(run_until([&answered] { return answered == 100; }));
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 100U);
  EXPECT_LT(store_.commits, 50);
}

// --- temporary trouble

TEST_F(QueueTest, OverQuotaIsTriedAgainOnTheSchedule) {
  maild_.error = Error{Failure::transient, "4.2.2 the mailbox is full", "over quota"};
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  run_until_quiet();
  EXPECT_EQ(maild_.requests, 1);
  EXPECT_EQ(queue_->ledger().counts().deferred, 1U);
  advance(seconds{99});
  EXPECT_EQ(maild_.requests, 1);
  advance(seconds{1});
  EXPECT_EQ(maild_.requests, 2);
  maild_.error.reset();
  advance(seconds{300});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(QueueTest, OneDeferredRecipientDoesNotHoldUpTheOther) {
  maild_.errors["maildir/bob@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("s@client.test", {"bob@example.org", "ann@example.org"}));
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  maild_.errors.clear();
  advance(seconds{100});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
}

TEST_F(QueueTest, DirectoryDownDefersAndNeverBounces) {
  directory_.failing = true;
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  run_until_quiet();
  advance(seconds{100});
  EXPECT_EQ(log_.events["queue.delivery.deferred"], 2);
  directory_.failing = false;
  advance(seconds{300});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
}

TEST_F(QueueTest, UnknownIsTemporaryInTheFirstHourThenBounces) {
  ASSERT_TRUE(submit("bob@example.org", {"gone@example.org"}));
  run_until_quiet();
  EXPECT_TRUE(maild_.files.empty());
  for (const int wait : {100, 300, 500, 700, 900}) advance(seconds{wait});  // age 2500
  EXPECT_TRUE(maild_.files.empty());
  advance(seconds{1100});  // age 3600
  const auto bounces = maild_.in("bob@example.org");
  ASSERT_EQ(bounces.size(), 1U);
  EXPECT_THAT(bounces[0].content, HasSubstr("<gone@example.org>:\n"));
  EXPECT_THAT(bounces[0].content, HasSubstr("(#5.1.1)"));
  EXPECT_THAT(bounces[0].content, HasSubstr("Status: 5.1.1"));
  EXPECT_EQ(bounces[0].reverse_path, "");
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(QueueTest, DeferralEndsWithTheLifetime) {
  maild_.error = Error{Failure::transient, "4.2.2 the mailbox is full", ""};
  ASSERT_TRUE(submit("bob@example.org", {"ann@example.org"}));
  run_until_quiet();
  maild_.error.reset();
  maild_.errors["maildir/ann@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  clock_.advance(options_.lifetime);
  queue_->wake();
  run_until_quiet();
  EXPECT_TRUE(maild_.in("bob@example.org").empty());  // the lifetime is reached, not exceeded
  advance(seconds{15000});
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("bob@example.org")[0].content,
              HasSubstr("this message has been in the queue too long"));
}

// --- keepers that go away

TEST_F(QueueTest, WorkIsGivenOutAgainWhenMaildIsBack) {
  int lost = 0;
  maild_.before_reply = [this, &lost] {
    if (lost++ == 0) maild_link_.channel()->close("killed");
  };
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  ASSERT_TRUE(run_until([&lost] { return lost == 1; }));
  ASSERT_TRUE(run_until([this] { return queue_->ledger().counts().in_hand == 0; }));
  EXPECT_EQ(queue_->ledger().counts().fresh, 1U);  // not deferred
  EXPECT_THAT(queue_->desk().status().warnings, testing::Contains(StartsWith("toast-maild")));
  connect_maild();
  ASSERT_TRUE(run_until([this] { return store_.live().empty(); }));
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.repetitions, 1);  // it had been written before maild died
}

TEST_F(QueueTest, AMessageThatKillsMaildIsDeferredInTheEnd) {
  maild_.before_reply = [this] { maild_link_.channel()->close("killed"); };
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  ASSERT_TRUE(run_until([this] {
    if (!maild_link_.connected()) connect_maild();
    return queue_->ledger().counts().deferred == 1;
  }));
  EXPECT_EQ(maild_.requests, kMaxGivenBack);
}

// --- aliases

TEST_F(QueueTest, ForwardIsAChildWithTheLoopMark) {
  directory_.table["alias@example.org"] = {vdomain::Forward{address("ann@example.org")},
                                           vdomain::Forward{address("bob@example.org")}};
  ASSERT_TRUE(submit("s@client.test", {"alias@example.org"}));
  run_until_quiet();
  for (const char* name : {"ann@example.org", "bob@example.org"}) {
    ASSERT_EQ(maild_.in(name).size(), 1U);
    EXPECT_EQ(maild_.in(name)[0].content, "Delivered-To: alias@example.org\nSubject: x\n\nhello\n");
    EXPECT_EQ(maild_.in(name)[0].reverse_path, "s@client.test");
  }
  EXPECT_EQ(log_.events["queue.message.created"], 1);  // one child for both
  EXPECT_EQ(store_.records, 4);  // accepted; forwarded and ended; one outcome, and the last
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(QueueTest, ForwardOfAForward) {
  directory_.table["a@example.org"] = {vdomain::Forward{address("b@example.org")}};
  directory_.table["b@example.org"] = {vdomain::Forward{address("ann@example.org")}};
  ASSERT_TRUE(submit("s@client.test", {"a@example.org"}));
  run_until_quiet();
  ASSERT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("ann@example.org")[0].content,
              StartsWith("Delivered-To: b@example.org\nDelivered-To: a@example.org\nSubject"));
}

TEST_F(QueueTest, ForwardLoopEndsInABounceThatShowsTheFirstAddress) {
  directory_.table["a@example.org"] = {vdomain::Forward{address("b@example.org")}};
  directory_.table["b@example.org"] = {vdomain::Forward{address("a@example.org")}};
  ASSERT_TRUE(submit("ann@example.org", {"a@example.org"}));
  run_until_quiet();
  ASSERT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("ann@example.org")[0].content, HasSubstr("<a@example.org>:\n"));
  EXPECT_THAT(maild_.in("ann@example.org")[0].content, HasSubstr("(#5.4.6)"));
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(QueueTest, LargeForwardHasItsOwnFile) {
  directory_.table["alias@example.org"] = {vdomain::Forward{address("ann@example.org")}};
  const std::string content = "Subject: big\n\n" + std::string(700 * 1024, 'x') + "\n";
  ASSERT_TRUE(submit("s@client.test", {"alias@example.org"}, content));
  run_until_quiet();
  ASSERT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("ann@example.org")[0].content, "Delivered-To: alias@example.org\n" + content);
}

// Several instructions are fixed before the first is carried out, and each is done once.
TEST_F(QueueTest, MixedInstructionsAreFrozenAndEachIsDoneOnce) {
  directory_.table["team@example.org"] = {
      vdomain::DeliverMaildir{address("ann@example.org"), "maildir/ann@example.org", {}},
      vdomain::DeliverMaildir{address("bob@example.org"), "maildir/bob@example.org", {}},
      vdomain::Forward{address("postmaster@example.org")}};
  maild_.errors["maildir/bob@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("s@client.test", {"team@example.org"}));
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("postmaster@example.org").size(), 1U);
  const Result<QueueShow::Reply> shown = queue_->desk().show({last_id_, 0});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->recipients[0].targets.size(), 3U);

  directory_.table["team@example.org"].clear();  // too late: the list is fixed
  restart_queue();
  maild_.errors.clear();
  advance(seconds{100});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("postmaster@example.org").size(), 1U);
  EXPECT_EQ(maild_.repetitions, 0);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(QueueTest, DiscardRefuseAndDefer) {
  directory_.table["null@example.org"] = {vdomain::Discard{"domain says so"}};
  directory_.table["no@example.org"] = {vdomain::Refuse{"5.7.1 this list is closed"}};
  directory_.table["wait@example.org"] = {vdomain::Defer{"4.3.5 program lines are not run"}};
  ASSERT_TRUE(
      submit("bob@example.org", {"null@example.org", "no@example.org", "wait@example.org"}));
  run_until_quiet();
  EXPECT_TRUE(maild_.files.empty());  // the bounce waits for the last recipient
  EXPECT_EQ(queue_->ledger().counts().deferred, 1U);
  directory_.table["wait@example.org"] = {vdomain::Discard{"repaired"}};
  advance(seconds{100});
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  const std::string bounce = maild_.in("bob@example.org")[0].content;
  EXPECT_THAT(bounce, HasSubstr("<no@example.org>:\nthis list is closed (#5.7.1)\n"));
  EXPECT_THAT(bounce, Not(HasSubstr("null@example.org>:")));
}

// --- bounces

TEST_F(QueueTest, OneBounceForAllThatFailed) {
  maild_.errors["maildir/ann@example.org"] = Error{Failure::permanent, "5.4.6 looping", ""};
  directory_.table["no@example.org"] = {vdomain::Refuse{"5.7.1 closed"}};
  ASSERT_TRUE(submit("bob@example.org", {"ann@example.org", "no@example.org"}));
  run_until_quiet();
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("bob@example.org")[0].content, HasSubstr("<ann@example.org>:\n"));
  EXPECT_THAT(maild_.in("bob@example.org")[0].content, HasSubstr("<no@example.org>:\n"));
}

TEST_F(QueueTest, BounceOfABounceGoesToThePostmasterAndNoFurther) {
  directory_.table["no@example.org"] = {vdomain::Refuse{"5.7.1 closed"}};
  ASSERT_TRUE(submit("", {"no@example.org"}));
  run_until_quiet();
  ASSERT_EQ(maild_.in("postmaster@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("postmaster@example.org")[0].content, HasSubstr("but the bounce bounced!"));
  directory_.table["postmaster@example.org"] = {vdomain::Refuse{"5.7.1 closed"}};
  ASSERT_TRUE(submit("", {"no@example.org"}));
  run_until_quiet();
  EXPECT_EQ(log_.events["queue.bounce.discarded"], 1);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(QueueTest, BounceToAnotherHostWaitsThenGoesToThePostmaster) {
  directory_.table["no@example.org"] = {vdomain::Refuse{"5.7.1 closed"}};
  remoted_.answers["s@remote.test"] = {FakeRemoted::Outcome::Kind::deferred, "4.7.1 later", false};
  ASSERT_TRUE(submit("s@remote.test", {"no@example.org"}));
  run_until_quiet();
  EXPECT_EQ(queue_->ledger().counts().deferred, 1U);
  for (int day = 0; day < 9; ++day) advance(std::chrono::days{1});
  ASSERT_EQ(maild_.in("postmaster@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("postmaster@example.org")[0].content, HasSubstr("<s@remote.test>:\n"));
}

// --- the verdict

class FixedFilter final : public Filter {
 public:
  Task<Result<filter::Judge::Reply>> judge(filter::Judge question) override {
    seen = std::move(question.body);
    if (question.descriptor) seen = *read_all(question.descriptor, 1U << 30U, "blob");
    if (down) co_return transient("filterd is away", "4.7.1 the filter does not answer now");
    co_return reply;
  }
  filter::Judge::Reply reply;
  bool down = false;
  std::string seen;
};

TEST_F(QueueTest, FilterDecides) {
  using Verdict = filter::Judge::Verdict;
  FixedFilter filter;
  filter_ = &filter;
  restart_queue();
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  EXPECT_EQ(filter.seen, "Subject: x\n\nhello\n");

  filter.reply = {Verdict::refuse, "5.7.1 spam"};
  const auto refused = submit("s@client.test", {"ann@example.org"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::permanent);
  EXPECT_EQ(refused.error().reply, "5.7.1 spam");

  filter.reply = {Verdict::try_later, "4.7.1 greylisted"};
  const auto later = submit("s@client.test", {"ann@example.org"});
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().failure, Failure::transient);

  filter.reply = {Verdict::hold, "suspicious"};
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  filter.reply = {};
  filter.down = true;
  const auto down = submit("s@client.test", {"ann@example.org"});
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().failure, Failure::transient);
  run_until_quiet();
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);  // the first only
  ASSERT_EQ(store_.live().size(), 1U);                 // the held one
  restart_queue();
  run_until_quiet();
  EXPECT_EQ(store_.live().size(), 1U);
  EXPECT_EQ(queue_->desk().list({}).messages[0].hold, "suspicious");
}

TEST_F(QueueTest, RefusedLargeMessageLeavesNoFile) {
  FixedFilter filter;
  filter_ = &filter;
  restart_queue();
  filter.reply = {filter::Judge::Verdict::refuse, "5.7.1 spam"};
  const std::string content(600 * 1024, 'y');
  EXPECT_FALSE(submit("s@client.test", {"ann@example.org"}, content));
  EXPECT_EQ(filter.seen, content);
  EXPECT_TRUE(run_until([this] { return store_.blobs() == 0; }));
}

// --- starting again

TEST_F(QueueTest, RestartResumesWhereTheJournalIs) {
  maild_.errors["maildir/ann@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org", "bob@example.org"}));
  run_until_quiet();
  restart_queue();
  run_until_quiet();
  EXPECT_EQ(maild_.requests, 2);  // bob is done, ann is not due
  const Result<QueueShow::Reply> shown = queue_->desk().show({last_id_, 0});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->recipients[0].state, RecipientPhase::deferred);
  EXPECT_EQ(shown->recipients[0].attempts, 1U);
  EXPECT_EQ(shown->recipients[0].last_text, "4.2.2 full");
  EXPECT_EQ(shown->recipients[1].state, RecipientPhase::delivered);
  maild_.errors.clear();
  advance(seconds{100});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
}

TEST_F(QueueTest, CrashBetweenDeliveryAndOutcomeRepeatsItUnderTheSameName) {
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  store_.close_gate();
  ASSERT_TRUE(run_until([this] { return maild_.requests == 1; }));
  // The outcome never reaches the disk: the store is asked, but this queue is gone.
  std::vector<MessageState> live = store_.live();
  ASSERT_EQ(live.size(), 1U);
  stop_queue();
  start_queue();
  ASSERT_TRUE(run_until([this] { return store_.live().empty(); }));
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
}

TEST_F(QueueTest, MessageWhoseEndWasLostIsEndedAtStart) {
  maild_.errors["maildir/ann@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("bob@example.org", {"ann@example.org"}));
  run_until_quiet();
  std::vector<Record> lost;  // an outcome alone, without the end of the message
  lost.emplace_back(Outcome{last_id_, {0, kWholeRecipient}, Fate::failed, "5.2.1 no"});
  ASSERT_TRUE(store_.commit(lost));
  restart_queue();
  ASSERT_TRUE(run_until([this] { return store_.live().empty(); }));
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("bob@example.org")[0].content, HasSubstr("(#5.2.1)"));
}

// --- toastctl's questions

TEST_F(QueueTest, ListIsPagedByAge) {
  maild_.error = Error{Failure::transient, "4.2.2 full", ""};
  std::vector<MessageId> ids;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(submit("s@client.test", {"ann@example.org", "bob@example.org"}));
    ids.push_back(last_id_);
  }
  run_until_quiet();
  std::shared_ptr<ipc::Channel> toastctl = connect(queue_->admin());
  const auto first = wait_for(toastctl->call(QueueList{MessageId(), 2, {}}));
  ASSERT_TRUE(first);
  ASSERT_EQ(first->messages.size(), 2U);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->messages[1].id, ids[1]);
  EXPECT_EQ(first->messages[0].deferred, 2U);
  EXPECT_EQ(first->messages[0].last_error, "4.2.2 full");
  EXPECT_EQ(first->messages[0].open_recipients.size(), 2U);
  EXPECT_EQ(first->messages[0].next_attempt_seconds, unix_seconds(clock_.wall()) + 100);
  const auto rest = wait_for(toastctl->call(QueueList{ids[1], 256, {}}));
  EXPECT_EQ(rest->messages.size(), 3U);
  EXPECT_FALSE(rest->more);
  const auto shown = wait_for(toastctl->call(QueueShow{ids[0], 0}));
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->peer, "192.0.2.7");
  EXPECT_EQ(shown->helo, "client.test");
  EXPECT_EQ(shown->recipients.size(), 2U);
  EXPECT_FALSE(wait_for(toastctl->call(QueueShow{MessageId(12345), 0})));
  const auto status = wait_for(toastctl->call(QueueStatus{}));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->messages, 5U);
  EXPECT_EQ(status->deferred, 10U);
  EXPECT_EQ(status->accepted, 5U);
  EXPECT_TRUE(status->accepting);
}

}  // namespace
}  // namespace toast::queue
