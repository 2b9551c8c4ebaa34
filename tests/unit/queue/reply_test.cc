// Automatic answers as the queue makes them: with the delivery, once, and never in a circle.
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using testing::HasSubstr;

constexpr const char* kAnn = "ann@example.org";
constexpr const char* kBob = "bob@example.org";

class ReplyTest : public QueueTest {
 protected:
  ReplyTest() {
    answer_for(kAnn);
    answer_for(kBob);
  }
  void answer_for(const std::string& name) {
    directory_.table[name] = {vdomain::DeliverMaildir{address(name), "maildir/" + name, {}},
                              vdomain::AutoReply{.mailbox = address(name),
                                                 .subject = {},
                                                 .text = "Away.\n",
                                                 .begins = {},
                                                 .ends = {},
                                                 .own = {address(name)}}};
  }
  void write(const std::string& from, const std::string& to) {
    ASSERT_TRUE(submit(from, {to}, "To: " + to + "\nSubject: x\n\nhello\n"));
    run_until_quiet();
  }
};

TEST_F(ReplyTest, TheSenderGetsOneAnswer) {
  directory_.mailbox("carl@example.org");
  write("carl@example.org", kAnn);
  write("carl@example.org", kAnn);
  EXPECT_EQ(maild_.in(kAnn).size(), 2U);
  const auto answers = maild_.in("carl@example.org");
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].reverse_path, "");
  EXPECT_THAT(answers[0].content, HasSubstr("Subject: Auto: x\n"));
  EXPECT_THAT(answers[0].content, HasSubstr("Auto-Submitted: auto-replied\n"));
  EXPECT_TRUE(store_.live().empty());
}

// Each writes, and both are away: one answer each, and both answers end where they arrive.
TEST_F(ReplyTest, TwoRobotsStop) {
  write(kAnn, kBob);
  EXPECT_EQ(maild_.in(kBob).size(), 1U);
  EXPECT_EQ(maild_.in(kAnn).size(), 1U);  // Bob's answer, which Ann's robot does not answer
  write(kBob, kAnn);
  EXPECT_EQ(maild_.in(kAnn).size(), 2U);
  EXPECT_EQ(maild_.in(kBob).size(), 2U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(ReplyTest, NobodyIsAnsweredForAForeignSender) {
  ASSERT_TRUE(submit("", {kAnn}, "To: ann@example.org\n\nx\n"));
  ASSERT_TRUE(submit("owner-l@x.test", {kAnn}, "To: ann@example.org\n\nx\n"));
  run_until_quiet();
  EXPECT_EQ(maild_.in(kAnn).size(), 2U);
  EXPECT_TRUE(remoted_.transactions.empty());
  EXPECT_TRUE(store_.live().empty());
}

// The sender does not exist: the answer goes nowhere, and nobody gets a bounce of it.
TEST_F(ReplyTest, AnAnswerThatCannotBeDeliveredIsDropped) {
  directory_.mailbox("postmaster@localhost");
  options_.unknown_grace = std::chrono::seconds{0};
  restart_queue();
  write("nobody@example.org", kAnn);
  EXPECT_EQ(maild_.in(kAnn).size(), 1U);
  EXPECT_EQ(maild_.in("postmaster@localhost").size(), 0U);
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(ReplyTest, WhatIsNotDeliveredIsNotAnswered) {
  directory_.mailbox("carl@example.org");
  maild_.errors["maildir/ann@example.org"] = Error{Failure::transient, "4.2.2 full", "full"};
  write("carl@example.org", kAnn);
  EXPECT_EQ(maild_.in("carl@example.org").size(), 0U);
  maild_.errors.clear();
  advance(std::chrono::seconds{1600});
  EXPECT_EQ(maild_.in(kAnn).size(), 1U);
  EXPECT_EQ(maild_.in("carl@example.org").size(), 1U);
  EXPECT_TRUE(store_.live().empty());
}

}  // namespace
}  // namespace toast::queue
