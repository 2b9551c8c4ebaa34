// Who may send as whom.
#include <filesystem>
#include <fstream>

#include "tests/unit/vdomain/keeper_fixture.h"

namespace toast::vdomain {
namespace {

class SenderTest : public KeeperTest {
 protected:
  bool may(std::string_view login, std::string_view sender) {
    const Result<MaySendAs::Reply> reply =
        keeper_->may_send_as({Address::parse(login).value(), Address::parse(sender).value()});
    EXPECT_TRUE(reply) << reply.error().detail;
    return reply && reply->allowed;
  }
  void add_alias(std::string_view name, std::vector<std::string> targets) {
    Alias alias{Address::parse(name).value(), {}};
    for (const std::string& target : targets)
      alias.targets.push_back(Address::parse(target).value());
    ASSERT_TRUE(writer().add_alias(alias, actor_)->ok());
  }
};

TEST_F(SenderTest, OwnAddressesOnly) {
  add_domain("a.test");
  add_domain("b.test");
  add_mailbox("ann@a.test");
  add_mailbox("bob@a.test");
  add_alias("info@a.test", {"ann@a.test"});
  add_alias("team@b.test", {"bob@a.test", "info@a.test"});
  add_alias("out@a.test", {"x@elsewhere.test"});
  ASSERT_TRUE(writer()
                  .add_domain_alias(Domain::parse("c.test").value(),
                                    Domain::parse("a.test").value(), actor_)
                  ->ok());
  struct Case {
    const char* sender;
    bool ann;
    bool bob;
  };
  const Case cases[] = {
      {"ann@a.test", true, false},
      {"Ann@A.TEST", true, false},
      {"ann@c.test", true, false},    // another name of the domain
      {"ann+x@a.test", true, false},  // sub-addresses
      {"ann+x@c.test", true, false},
      {"info@a.test", true, false},  // an alias
      {"info@c.test", true, false},
      {"team@b.test", true, true},  // over two steps, and shared
      {"out@a.test", false, false},
      {"bob@a.test", false, true},
      {"ann@b.test", false, false},
      {"nobody@a.test", false, false},
      {"ann@elsewhere.test", false, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sender);
    EXPECT_EQ(may("ann@a.test", c.sender), c.ann);
    EXPECT_EQ(may("bob@a.test", c.sender), c.bob);
  }
}

// Where the mail for it goes says nothing about a mailbox's own name.
TEST_F(SenderTest, OwnAddressWhateverBecomesOfItsMail) {
  add_domain("a.test");
  add_mailbox("ann@a.test");
  std::filesystem::create_directory(root_ + "/mail/a.test");
  std::ofstream(root_ + "/mail/a.test/.qmail-ann") << "x@b.test\n";
  EXPECT_EQ(resolve("ann@a.test"), "forward x@b.test;");
  EXPECT_TRUE(may("ann@a.test", "ann@a.test"));
  HostedDomain domain = *writer().find_domain(Domain::parse("a.test").value()).value();
  domain.incoming_suspended = "not paid";
  ASSERT_TRUE(writer().set_domain(domain, actor_)->ok());
  EXPECT_TRUE(may("ann@a.test", "ann@a.test"));
}

TEST_F(SenderTest, AnOutageIsNoAnswer) {
  add_domain("a.test");
  add_mailbox("ann@a.test");
  std::filesystem::remove(database_);
  restart();
  const Result<MaySendAs::Reply> reply = keeper_->may_send_as(
      {Address::parse("ann@a.test").value(), Address::parse("ann@a.test").value()});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, Failure::transient);
}

}  // namespace
}  // namespace toast::vdomain
