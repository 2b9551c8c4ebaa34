// What toastctl trace is told of mail that went through the queue.
#include <gmock/gmock.h>

#include <filesystem>

#include "mta/queue/trace_messages.h"
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using trace::Event;
using trace::Kind;
using Outcome = remote::DeliverRemote::Outcome;

class TraceSinkTest : public QueueTest {
 protected:
  TraceSinkTest() {
    char name[] = "/tmp/toast-trace-test-XXXXXX";
    trace_directory_ = std::string(::mkdtemp(name)) + "/trace";
    options_.trace_bytes = std::uint64_t{64} * 1024 * 1024;
  }
  ~TraceSinkTest() override {
    std::filesystem::remove_all(std::filesystem::path(trace_directory_).parent_path());
  }
  TraceQuery::Reply ask(const std::string& text) {
    trace::Query query;
    const Result<MessageId> id = MessageId::parse(text);
    if (id)
      query.id = *id;
    else
      query.text = text;
    std::shared_ptr<ipc::Channel> toastctl = connect(queue_->admin());
    auto reply = wait_for(toastctl->call(TraceQuery{query}));
    toastctl->close("test");
    EXPECT_TRUE(reply) << reply.error().detail;
    return reply.value_or(TraceQuery::Reply{});
  }
  std::vector<std::string> story(const std::string& text) {
    std::vector<std::string> lines;
    for (const Event& event : ask(text).answer.events) {
      std::string line(trace::name_of(event.kind));
      for (const std::string& recipient : event.recipients) line += " " + recipient;
      if (!event.text.empty()) line += ": " + event.text;
      lines.push_back(line);
    }
    return lines;
  }
};

constexpr const char* kLetter = "Message-ID: <x@client.test>\nSubject: x\n\nhello\n";

TEST_F(TraceSinkTest, FromArrivalToDelivery) {
  ASSERT_TRUE(submit("carl@remote.test", {"ann@example.org"}, kLetter));
  run_until_quiet();
  const std::vector<std::string> whole = {"accepted ann@example.org: smtp",
                                          "delivered ann@example.org: delivered", "finished"};
  EXPECT_EQ(story("ann@example.org"), whole);
  EXPECT_EQ(story("carl@remote.test"), whole);
  EXPECT_EQ(story("<x@client.test>"), whole);
  EXPECT_EQ(story(last_id_.str()), whole);
  const Event arrival = ask(last_id_.str()).answer.events.front();
  EXPECT_EQ(arrival.peer, "192.0.2.7");
  EXPECT_EQ(arrival.message_id, "x@client.test");
  EXPECT_EQ(arrival.bytes, std::string_view(kLetter).size());
}

TEST_F(TraceSinkTest, EachAttemptInTheRemotesWords) {
  remoted_.answers["x@remote.test"] = {Outcome::Kind::deferred, "4.2.2 over quota", false};
  ASSERT_TRUE(submit("ann@example.org", {"x@remote.test"}));
  run_until_quiet();
  remoted_.answers["x@remote.test"] = {Outcome::Kind::failed, "5.1.1 who is x", false};
  advance(std::chrono::hours(1));
  EXPECT_THAT(
      story("x@remote.test"),
      ElementsAre("accepted x@remote.test: smtp", "deferred x@remote.test: 4.2.2 over quota",
                  "failed x@remote.test: 5.1.1 who is x", "finished",
                  "created ann@example.org: bounce", "delivered ann@example.org: delivered",
                  "finished"));
  EXPECT_EQ(ask("x@remote.test").answer.events[1].remote, "mx.remote.test");
}

TEST_F(TraceSinkTest, AForwardAndWhatBecameOfIt) {
  directory_.table["sales@example.org"] = {vdomain::Forward{address("bob@example.org")}};
  ASSERT_TRUE(submit("carl@remote.test", {"sales@example.org"}, kLetter));
  run_until_quiet();
  const std::vector<std::string> lines = story("x@client.test");
  EXPECT_THAT(lines, Contains("created bob@example.org: forward"));
  EXPECT_THAT(lines, Contains("delivered bob@example.org: delivered"));
  EXPECT_THAT(lines, Contains(HasSubstr("delivered sales@example.org: forwarded as ")));
}

TEST_F(TraceSinkTest, TheMessageIdOfALargeBody) {
  maild_.error = Error{Failure::transient, "4.2.2 full", {}};  // it stays: its file does
  const std::string content = kLetter + std::string(std::size_t{400} * 1024, 'x') + "\n";
  ASSERT_TRUE(submit("carl@remote.test", {"ann@example.org"}, content));
  run_until_quiet();
  EXPECT_TRUE(run_until([this] { return !ask("x@client.test").answer.events.empty(); }));
}

TEST_F(TraceSinkTest, AHeldMessageAndItsRelease) {
  maild_.error = Error{Failure::transient, "4.2.2 full", {}};
  ASSERT_TRUE(submit("carl@remote.test", {"ann@example.org"}));
  run_until_quiet();
  queue_->ledger().set_aside([](MessageId) { return true; });
  queue_->ledger().hold(last_id_, "looks odd");
  queue_->ledger().release(last_id_);
  EXPECT_THAT(story(last_id_.str()),
              ElementsAre("accepted ann@example.org: smtp", "deferred ann@example.org: 4.2.2 full",
                          "held: looks odd", "released"));
}

TEST_F(TraceSinkTest, SurvivesARestart) {
  ASSERT_TRUE(submit("carl@remote.test", {"ann@example.org"}));
  run_until_quiet();
  EXPECT_THAT(story(last_id_.str()), SizeIs(3));
  restart_queue();
  EXPECT_THAT(story(last_id_.str()), SizeIs(3));
}

TEST_F(TraceSinkTest, OffKeepsNothing) {
  options_.trace_bytes = 0;
  queue_->set_options(options_);
  ASSERT_TRUE(submit("carl@remote.test", {"ann@example.org"}));
  run_until_quiet();
  const TraceQuery::Reply reply = ask("ann@example.org");
  EXPECT_EQ(reply.capacity_bytes, 0U);
  EXPECT_THAT(reply.answer.events, IsEmpty());
}

}  // namespace
}  // namespace toast::queue
