// qmail-send's log lines, exactly.
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Outcome = remote::DeliverRemote::Outcome;

class QmailLogTest : public QueueTest {
 protected:
  QmailLogTest() {
    options_.qmail_log = true;
    options_.concurrency = 10;
    options_.concurrency_remote = 20;
  }
  // Message numbers as A, B, ... in the order in which they are first named.
  std::vector<std::string> lines() {
    std::map<std::string, std::string> names;
    std::vector<std::string> out;
    for (std::string line : lines_) {
      for (std::size_t at = 0; at < line.size(); ++at) {
        std::size_t end = at;
        while (end < line.size() && line[end] >= '0' && line[end] <= '9') ++end;
        if (end - at < 12) continue;  // no number of a message is that small
        const std::string number = line.substr(at, end - at);
        if (!names.contains(number))
          names[number] = std::string(1, static_cast<char>('A' + names.size()));
        line.replace(at, end - at, names[number]);
      }
      out.push_back(line);
    }
    return out;
  }
};

TEST_F(QmailLogTest, ALocalDelivery) {
  ASSERT_TRUE(submit("carl@remote.test", {"ann@example.org"}, "Subject: x\n\nhello\n"));
  run_until_quiet();
  EXPECT_THAT(lines(),
              ElementsAre("status: local 0/10 remote 0/20",  //
                          "new msg A", "info msg A: bytes 18 from <carl@remote.test> qp A uid 0",
                          "starting delivery 1: msg A to local ann@example.org",
                          "status: local 1/10 remote 0/20", "delivery 1: success: did_1+0+0/",
                          "status: local 0/10 remote 0/20",  //
                          "end msg A"));
}

TEST_F(QmailLogTest, RemoteDeferredFailedAndBounced) {
  remoted_.answers["x%y@remote.test"] = {Outcome::Kind::deferred,
                                         "4.2.2 Remote host said: 452 full\nup", false};
  ASSERT_TRUE(submit("ann@example.org", {"x%y@remote.test"}, "Subject: x\n\nhello\n"));
  run_until_quiet();
  remoted_.answers["x%y@remote.test"] = {Outcome::Kind::failed, "5.1.1 Remote host said: 550 who?",
                                         false};
  advance(std::chrono::hours(1));
  std::vector<std::string> seen = lines();
  for (std::string& line : seen)  // the size of the bounce is not the matter here
    if (line.starts_with("info msg B")) line.replace(line.find("bytes ") + 6, 4, "****");
  EXPECT_THAT(
      seen,
      ElementsAre(
          "status: local 0/10 remote 0/20",  //
          "new msg A", "info msg A: bytes 18 from <ann@example.org> qp A uid 0",
          "starting delivery 1: msg A to remote x_y@remote.test", "status: local 0/10 remote 1/20",
          "delivery 1: deferral: "
          "Connected_to_mx.remote.test./Remote_host_said:_452_full/up/"
          "Giving_up_on_mx.remote.test./",
          "status: local 0/10 remote 0/20", "starting delivery 2: msg A to remote x_y@remote.test",
          "status: local 0/10 remote 1/20",
          "delivery 2: failure: "
          "Connected_to_mx.remote.test./Remote_host_said:_550_who?/Giving_up_on_mx.remote.test./",
          "status: local 0/10 remote 0/20",  //
          "bounce msg A qp B", "new msg B", "info msg B: bytes **** from <> qp B uid 0",
          "end msg A", "starting delivery 3: msg B to local ann@example.org",
          "status: local 1/10 remote 0/20", "delivery 3: success: did_1+0+0/",
          "status: local 0/10 remote 0/20", "end msg B"));
}

TEST_F(QmailLogTest, SuccessElsewhereAndAForward) {
  for (const char* recipient : {"x@remote.test", "y@remote.test"})
    remoted_.answers[recipient] = {Outcome::Kind::delivered, "2.1.5 Remote host said: 250 ok",
                                   false};
  directory_.table["sales@example.org"] = {vdomain::Forward{address("x@remote.test")},
                                           vdomain::Forward{address("y@remote.test")}};
  ASSERT_TRUE(submit("carl@remote.test", {"sales@example.org"}));
  run_until_quiet();
  EXPECT_THAT(lines(),
              testing::IsSupersetOf({"delivery 1: success: did_0+2+0/qp_B/", "new msg B",
                                     "starting delivery 2: msg B to remote x@remote.test",
                                     "starting delivery 3: msg B to remote y@remote.test",
                                     "status: local 0/10 remote 2/20",
                                     "delivery 2: success: mx.remote.test_accepted_message./"
                                     "Remote_host_said:_250_ok/"}));
}

TEST_F(QmailLogTest, TheEnd) {
  lines_.clear();
  bool done = false;
  asio::co_spawn(io_, queue_->drain(), [&done](std::exception_ptr) { done = true; });
  ASSERT_TRUE(run_until([&done] { return done; }));
  EXPECT_THAT(lines(), ElementsAre("status: local 0/10 remote 0/20 exitasap", "status: exiting"));
}

TEST_F(QmailLogTest, IsWrittenWhenAskedFor) {
  options_.qmail_log = false;
  queue_->set_options(options_);
  lines_.clear();
  ASSERT_TRUE(submit("carl@remote.test", {"ann@example.org"}));
  run_until_quiet();
  EXPECT_THAT(lines(), IsEmpty());
  options_.qmail_log = true;
  queue_->set_options(options_);
  EXPECT_THAT(lines(), ElementsAre("status: local 0/10 remote 0/20"));
}

}  // namespace
}  // namespace toast::queue
