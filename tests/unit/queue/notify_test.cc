// What senders are told, and asked not to be told (RFC 3461).
#include <gmock/gmock.h>

#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Outcome = remote::DeliverRemote::Outcome;

class NotifyTest : public QueueTest {
 protected:
  NotifyTest() { directory_.remote_domains.insert("a.test"); }
  MemoryBudget memory_{1U << 20U};

  void accept(const std::string& to, std::uint8_t notify, std::string from = "bob@example.org",
              DsnReturn ret = DsnReturn::unset) {
    Envelope envelope;
    envelope.reverse_path = std::move(from);
    envelope.recipients.push_back(Recipient{to, {}, "rfc822;orig+40x@a.test", notify});
    envelope.envid = "id-7";
    envelope.ret = ret;
    Accepted accepted{next_id(), {}, clock_.wall(), Origin::smtp, envelope, {}, {}, std::nullopt};
    accepted.body = InlineBody{"Subject: x\n\nhello\n"};
    ASSERT_TRUE(wait_for(queue_->ledger().accept(std::move(accepted), 18, MemoryShare(memory_))));
    run_until_quiet();
  }
  // Reports that came to Bob.
  std::vector<std::string> reports() const {
    std::vector<std::string> reports;
    for (const auto& file : maild_.in("bob@example.org")) reports.push_back(file.content);
    return reports;
  }
};

TEST_F(NotifyTest, SuccessOfALocalDeliveryIsConfirmed) {
  accept("ann@example.org", kNotifySuccess);
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_THAT(
      reports()[0],
      AllOf(HasSubstr("Action: delivered\nStatus: 2."), HasSubstr("Original-Envelope-Id: id-7\n"),
            HasSubstr("Original-Recipient: rfc822;orig@x@a.test\n"),
            HasSubstr("Subject: delivery confirmation\n"), Not(HasSubstr("\nhello\n"))));
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(NotifyTest, AHostWithoutDsnMeansRelayed) {
  accept("x@a.test", kNotifySuccess | kNotifyFailure);
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_THAT(reports()[0], HasSubstr("Action: relayed\n"));
}

TEST_F(NotifyTest, AHostWithDsnReportsItself) {
  remoted_.answers["x@a.test"] = {Outcome::Kind::delivered, "2.1.5 ok", true};
  accept("x@a.test", kNotifySuccess);
  EXPECT_TRUE(reports().empty());
  EXPECT_TRUE(store_.live().empty());
}

TEST_F(NotifyTest, AnAliasIsExpanded) {
  directory_.table["alias@example.org"] = {vdomain::Forward{address("ann@example.org")}};
  accept("alias@example.org", kNotifySuccess);
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_THAT(reports()[0], HasSubstr("Action: expanded\n"));
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
}

TEST_F(NotifyTest, NobodyAskedMeansFailuresOnly) {
  accept("ann@example.org", 0);
  EXPECT_TRUE(reports().empty());
}

TEST_F(NotifyTest, NeverMeansNever) {
  directory_.table["no@example.org"] = {vdomain::Refuse{"5.7.1 closed"}};
  accept("no@example.org", kNotifyNever);
  EXPECT_TRUE(reports().empty());
  accept("no@example.org", kNotifySuccess);
  EXPECT_TRUE(reports().empty());
  EXPECT_TRUE(store_.live().empty());
  accept("no@example.org", kNotifyFailure);
  EXPECT_EQ(reports().size(), 1U);
}

TEST_F(NotifyTest, TheNullSenderIsNeverConfirmedAnything) {
  accept("ann@example.org", kNotifySuccess, "");
  EXPECT_EQ(maild_.files.size(), 1U);
}

TEST_F(NotifyTest, HeaderOnlyWhenAsked) {
  directory_.table["no@example.org"] = {vdomain::Refuse{"5.7.1 closed"}};
  accept("no@example.org", 0, "bob@example.org", DsnReturn::headers);
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_THAT(reports()[0], AllOf(HasSubstr("text/rfc822-headers"), Not(HasSubstr("\nhello\n"))));
}

TEST_F(NotifyTest, TheSenderIsWarnedOnceOfADelay) {
  options_.delay_warning = hours{4};
  queue_->set_options(options_);
  remoted_.answers["x@a.test"] = {Outcome::Kind::deferred, "4.7.1 come back later", false};
  accept("x@a.test", 0);
  for (int minute = 0; minute < 5 * 60; ++minute) advance(seconds{60});
  ASSERT_TRUE(run_until([&] { return !reports().empty(); }));
  run_until_quiet();
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_THAT(reports()[0],
              AllOf(HasSubstr("Action: delayed\nStatus: 4.7.1\n"), HasSubstr("come back later"),
                    HasSubstr("Will-Retry-Until: "), HasSubstr("Subject: delivery delayed\n")));
  EXPECT_EQ(queue_->ledger().messages().size(), 1U);  // it still waits
}

TEST_F(NotifyTest, NoWarningWhereItIsNotWanted) {
  remoted_.answers["x@a.test"] = {Outcome::Kind::deferred, "4.7.1 come back later", false};
  accept("x@a.test", 0);  // the setting is 0
  for (int hour = 0; hour < 10; ++hour) advance(seconds{1800});
  options_.delay_warning = hours{10};
  queue_->set_options(options_);
  accept("x@a.test", kNotifyFailure);
  accept("x@a.test", 0, "");
  for (int minute = 0; minute < 11 * 60; ++minute) advance(seconds{60});
  ASSERT_TRUE(run_until([&] { return !reports().empty(); }));
  run_until_quiet();
  EXPECT_EQ(reports().size(), 1U);  // for the first: it has become ten hours old
}

TEST_F(NotifyTest, AVerpListGetsOneBounceAtItsOwner) {
  Envelope envelope;
  envelope.reverse_path = "bob@example.org-@[]";
  envelope.verp = true;
  for (const char* to : {"x@a.test", "y@a.test"}) envelope.recipients.push_back({to, {}, {}, 0});
  Accepted accepted{next_id(), {}, clock_.wall(), Origin::smtp, envelope, {}, {}, std::nullopt};
  accepted.body = InlineBody{"Subject: x\n\nhello\n"};
  remoted_.answers["x@a.test"] = {Outcome::Kind::failed, "5.1.1 no", false};
  remoted_.answers["y@a.test"] = {Outcome::Kind::failed, "5.1.1 no", false};
  ASSERT_TRUE(wait_for(queue_->ledger().accept(std::move(accepted), 18, MemoryShare(memory_))));
  run_until_quiet();
  ASSERT_EQ(remoted_.transactions.size(), 1U);
  EXPECT_TRUE(remoted_.transactions[0].verp);
  EXPECT_EQ(remoted_.transactions[0].reverse_path, "bob@example.org");
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_THAT(reports()[0], AllOf(HasSubstr("<x@a.test>:\n"), HasSubstr("<y@a.test>:\n")));
}

}  // namespace
}  // namespace toast::queue
