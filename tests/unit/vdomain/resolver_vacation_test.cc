// Which ways to a mailbox get its automatic answer, and which addresses count as its own.
#include "tests/unit/vdomain/fake_view.h"

namespace toast::vdomain {
namespace {

class ResolverVacation : public testing::Test {
 protected:
  ResolverVacation() {
    view_.add_domain("a.test");
    view_.add_domain("lmtp.test").lmtp = NextHop::parse_lmtp("/run/lmtp").value();
    view_.other_names["b.test"] = "a.test";
    for (const auto* name : {"ann@a.test", "bob@a.test", "eve@lmtp.test"}) view_.add_mailbox(name);
    for (const auto* name : {"ann@a.test", "eve@lmtp.test"}) {
      view_.mailboxes.at(name).has_vacation = true;
      view_.vacations.insert_or_assign(
          name, Vacation{.mailbox = address(name), .subject = "Away", .text = "Until Monday.\n"});
    }
  }
  std::string resolved(std::string_view recipient) { return vdomain::resolved(view_, recipient); }
  // The own addresses of the answer, or that there is none.
  std::string own(std::string_view recipient) {
    const ResolverOptions options{vdomain::domain("mx.test"), "/srv/toast/mail"};
    const auto got = resolve(address(recipient), view_, options);
    for (const Instruction& instruction : got->instructions) {
      const auto* reply = std::get_if<AutoReply>(&instruction);
      if (reply == nullptr) continue;
      EXPECT_EQ(reply->subject, "Away");
      EXPECT_EQ(reply->text, "Until Monday.\n");
      std::string all;
      for (const Address& address : reply->own) all += (all.empty() ? "" : " ") + address.str();
      return all;
    }
    return "no answer";
  }
  FakeView view_;
};

TEST_F(ResolverVacation, BesideTheDelivery) {
  EXPECT_EQ(resolved("ann@a.test"), "maildir a.test/ann/Maildir; answer for ann@a.test");
  EXPECT_EQ(resolved("bob@a.test"), "maildir a.test/bob/Maildir");
}

TEST_F(ResolverVacation, WhichNamesAreItsOwn) {
  EXPECT_EQ(own("ann@a.test"), "ann@a.test");
  EXPECT_EQ(own("Ann@b.test"), "ann@a.test ann@b.test");
  EXPECT_EQ(own("ann+news@a.test"), "ann@a.test ann+news@a.test");
  view_.add_alias("sales@a.test", {"ann@a.test", "bob@a.test"});
  EXPECT_EQ(own("sales@a.test"), "ann@a.test");  // written to many
  view_.add_alias("ann@a.test", {"ann@home.example"}).keep_copy = true;
  EXPECT_EQ(own("ann@a.test"), "ann@a.test");
}

TEST_F(ResolverVacation, WhereThereIsNone) {
  view_.domains.at("a.test").catch_all = {CatchAll::Kind::mailbox, address("ann@a.test")};
  EXPECT_EQ(own("nobody@a.test"), "no answer");
  view_.mailboxes.at("ann@a.test").services.receive = false;
  EXPECT_EQ(own("ann@a.test"), "no answer");
  EXPECT_EQ(own("eve@lmtp.test"), "no answer");  // the server that stores it answers
}

TEST_F(ResolverVacation, ItSurvivesTheWayToTheQueue) {
  const Instruction before = AutoReply{.mailbox = address("ann@a.test"),
                                       .subject = "Weg: \u00fc",
                                       .text = "Bis Montag.\n",
                                       .begins = WallTime{std::chrono::hours{1}},
                                       .ends = std::nullopt,
                                       .days = 3,
                                       .only_if_named = false,
                                       .own = {address("ann@a.test"), address("ann@b.test")}};
  Encoder encoder;
  put_instruction(encoder, before);
  Decoder decoder(encoder.view());
  EXPECT_EQ(take_instruction(decoder), before);
  EXPECT_TRUE(decoder.finish("instruction"));
}

}  // namespace
}  // namespace toast::vdomain
