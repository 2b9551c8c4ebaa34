// Where the queue says no, or waits: limits, a disk that fails, a server that stops.
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;
using testing::StartsWith;

TEST_F(QueueTest, LargeBodiesGoToFiles) {
  const std::string content = std::string(3 * 1024 * 1024, 'z') + "\n";
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org", "bob@example.org"}, content));
  run_until_quiet();
  EXPECT_EQ(store_.blobs(), 1U);
  EXPECT_EQ(maild_.in("ann@example.org")[0].content, content);
  EXPECT_EQ(maild_.in("bob@example.org")[0].content, content);
}

TEST_F(QueueTest, WithoutMemoryEvenSmallBodiesGoToFiles) {
  options_.arrival_memory = 10;
  restart_queue();
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  run_until_quiet();
  EXPECT_EQ(store_.blobs(), 1U);
  EXPECT_EQ(maild_.in("ann@example.org")[0].content, "Subject: x\n\nhello\n");
}

TEST_F(QueueTest, TooBigIsPermanent) {
  options_.max_message = 100'000;
  restart_queue();
  const auto refused = submit("s@client.test", {"ann@example.org"}, std::string(200'000, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::permanent);
  EXPECT_THAT(refused.error().reply, StartsWith("5.3.4"));
  const auto asked = wait_for(smtpd_->call(CheckSpace{200'000, {}}));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().failure, Failure::permanent);
}

TEST_F(QueueTest, FullDiskIsSaidAtOnceAndDeliveryGoesOn) {
  maild_.error = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  run_until_quiet();
  store_.has_room = false;
  const auto asked = wait_for(smtpd_->call(CheckSpace{1000, {}}));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().failure, Failure::transient);
  EXPECT_THAT(asked.error().reply, StartsWith("4.3.1"));
  EXPECT_FALSE(submit("s@client.test", {"ann@example.org"}));
  EXPECT_FALSE(queue_->desk().status().accepting);
  maild_.error.reset();
  advance(seconds{100});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
}

TEST_F(QueueTest, FailedJournalStopsEverythingAndSaysSo) {
  store_.failing = true;
  const auto refused = submit("s@client.test", {"ann@example.org"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::transient);
  EXPECT_THAT(refused.error().reply, StartsWith("4.3.0"));
  EXPECT_EQ(log_.events["queue.journal.failed"], 1);
  store_.failing = false;
  EXPECT_FALSE(submit("s@client.test", {"ann@example.org"}));  // a failed journal stays failed
  EXPECT_FALSE(wait_for(smtpd_->call(CheckSpace{1, {}})));
  const QueueStatus::Reply status = queue_->desk().status();
  EXPECT_EQ(status.journal, QueueStatus::Journal::failed);
  EXPECT_FALSE(status.accepting);
  EXPECT_EQ(maild_.requests, 0);
}

TEST_F(QueueTest, AnIdThatIsLiveIsRefused) {
  maild_.error = Error{Failure::transient, "4.2.2 full", ""};
  const MessageId id = next_id();
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}, "a\n", id));
  const auto again = submit("s@client.test", {"bob@example.org"}, "b\n", id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().failure, Failure::transient);
  EXPECT_TRUE(submit("s@client.test", {"bob@example.org"}));  // the journal goes on
}

TEST_F(QueueTest, UnknownSubmissionsAndAborts) {
  EXPECT_FALSE(wait_for(smtpd_->call(SubmitEnd{999, "x"})));
  EXPECT_FALSE(wait_for(smtpd_->call(SubmitChunk{999, "x"})));
  const std::uint32_t number = begin_submission("ann@example.org");
  ASSERT_TRUE(wait_for(smtpd_->call(SubmitChunk{number, "x"})));
  smtpd_->notify(SubmitAbort{number});
  EXPECT_FALSE(wait_for(smtpd_->call(SubmitEnd{number, "x"})));
  EXPECT_TRUE(store_.live().empty());
}

// Chunks that were not waited for are stored in order all the same.
TEST_F(QueueTest, PipelinedChunksKeepTheirOrder) {
  const std::uint32_t number = begin_submission("ann@example.org");
  std::string content;
  for (char c = 'a'; c <= 'z'; ++c) {
    std::string piece(kMaxChunk, c);
    content += piece;
    asio::co_spawn(io_, smtpd_->call(SubmitChunk{number, std::move(piece)}), asio::detached);
  }
  ASSERT_TRUE(wait_for(smtpd_->call(SubmitEnd{number, "end\n"})));
  run_until_quiet();
  ASSERT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_TRUE(maild_.in("ann@example.org")[0].content == content + "end\n");
}

TEST_F(QueueTest, DrainFinishesWhatIsInHandAndRefusesTheRest) {
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  bool drained = false;
  asio::co_spawn(io_, queue_->drain(), [&drained](std::exception_ptr) { drained = true; });
  ASSERT_TRUE(run_until([&drained] { return drained; }));
  const auto late = submit("s@client.test", {"ann@example.org"});
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().reply, StartsWith("4.3.2"));
  EXPECT_EQ(queue_->commits().backlog(), 0U);
  EXPECT_EQ(queue_->ledger().counts().in_hand, 0U);
}

TEST_F(QueueTest, ACrowdDelaysThe250AndDeliveriesEndTheDelay) {
  options_.concurrency = 1;  // crowded beyond 16 untried recipients
  restart_queue();
  const std::vector<std::string> many(200, "ann@example.org");
  maild_.before_reply = [this] {
    if (queue_->ledger().counts().fresh > 16) ++crowded_replies_;
  };
  ASSERT_TRUE(submit("list@client.test", many));
  ASSERT_TRUE(queue_->ledger().is_crowded());
  ASSERT_TRUE(submit("s@client.test", {"bob@example.org"}));  // the clock stands: no time-out
  EXPECT_GT(crowded_replies_, 150);
  EXPECT_LE(queue_->ledger().counts().fresh, 17U);
  run_until_quiet();
  EXPECT_EQ(maild_.files.size(), 201U);
}

TEST_F(QueueTest, ADelayEndsEvenIfNothingIsDelivered) {
  options_.concurrency = 1;
  restart_queue();
  maild_link_.channel()->close("gone");
  ASSERT_TRUE(submit("s@client.test", std::vector<std::string>(100, "ann@example.org")));
  bool answered = false;
  const std::uint32_t number = begin_submission("bob@example.org");
  asio::co_spawn(
      io_, send_body(number, "x\n"),
      [&answered](std::exception_ptr, Result<ipc::Done> r) { answered = r.has_value(); });
  int looks = 0;
  ASSERT_TRUE(run_until([&looks] { return ++looks > 10; }));
  EXPECT_FALSE(answered);
  clock_.advance(kCrowdedDelay);
  EXPECT_TRUE(run_until([&answered] { return answered; }));
}

TEST_F(QueueTest, AnUnfinishedSubmissionIsDroppedByTheDrain) {
  const std::uint32_t number = begin_submission("ann@example.org");
  ASSERT_TRUE(wait_for(smtpd_->call(SubmitChunk{number, "x"})));
  bool drained = false;
  asio::co_spawn(io_, queue_->drain(), [&drained](std::exception_ptr) { drained = true; });
  ASSERT_TRUE(run_until([&drained] { return drained; }));
  EXPECT_FALSE(wait_for(smtpd_->call(SubmitEnd{number, "y"})));
}

}  // namespace
}  // namespace toast::queue
