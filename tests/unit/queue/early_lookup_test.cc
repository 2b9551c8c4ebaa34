// The directory is asked while the disk is at work, and asked again when that was too long ago.
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;

class EarlyLookupTest : public QueueTest {
 protected:
  // A message to ann that has come as far as its record, which the closed gate holds back.
  void begin_to_submit() {
    store_.close_gate();
    const std::uint32_t number = begin_submission("ann@example.org");
    asio::co_spawn(io_, send_body(number, "x\n"),
                   [this](std::exception_ptr, Result<ipc::Done> r) { accepted_ = r.has_value(); });
    ASSERT_TRUE(run_until([this] { return directory_.questions == 1; }));
    ASSERT_TRUE(run_until([this] { return queue_->commits().backlog() == 1; }));
  }
  void let_it_through() {
    store_.open_gate();
    ASSERT_TRUE(run_until([this] { return accepted_; }));
    run_until_quiet();
  }
  bool accepted_ = false;
};

TEST_F(EarlyLookupTest, OneQuestionServesTheFirstDelivery) {
  begin_to_submit();
  EXPECT_EQ(maild_.requests, 0);  // nothing is delivered before it is durable
  let_it_through();
  EXPECT_EQ(directory_.questions, 1);
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
}

TEST_F(EarlyLookupTest, AnOldAnswerIsNoAnswer) {
  begin_to_submit();
  clock_.advance(kEarlyAnswerAge + std::chrono::milliseconds(1));
  directory_.mailbox("elsewhere@example.org");
  directory_.table["ann@example.org"] = directory_.table["elsewhere@example.org"];
  let_it_through();
  EXPECT_EQ(directory_.questions, 2);
  EXPECT_EQ(maild_.in("elsewhere@example.org").size(), 1U);
}

TEST_F(EarlyLookupTest, AFailureIsNoAnswer) {
  directory_.failing = true;
  begin_to_submit();
  directory_.failing = false;
  let_it_through();
  EXPECT_EQ(directory_.questions, 2);
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
}

TEST_F(EarlyLookupTest, EveryLaterAttemptAsks) {
  maild_.errors["maildir/ann@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}));
  run_until_quiet();
  EXPECT_EQ(directory_.questions, 1);
  advance(seconds{500});
  EXPECT_EQ(directory_.questions, 2);
}

TEST_F(EarlyLookupTest, MessagesThatAreNeverDeliveredDoNotPileUp) {
  EarlyLookup early(io_.get_executor(), directory_link_, clock_);
  std::vector<MessageId> asked;
  for (std::size_t i = 0; i < kMaxEarlyAnswers + 1; ++i) {
    asked.push_back(next_id());
    early.ask(asked.back(), address("ann@example.org"));
  }
  EXPECT_FALSE(wait_for(early.take(asked.front())));
  EXPECT_TRUE(wait_for(early.take(asked.back())));
  EXPECT_FALSE(wait_for(early.take(asked.back())));  // once
  // Nothing is left under way when `early` goes.
  ASSERT_TRUE(
      run_until([this] { return directory_.questions == static_cast<int>(kMaxEarlyAnswers) + 1; }));
}

}  // namespace
}  // namespace toast::queue
