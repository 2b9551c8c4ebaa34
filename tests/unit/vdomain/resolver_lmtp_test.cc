// Domains whose mailboxes an LMTP server keeps: a mailbox is handed over under its own name, and
// every other way to it is a forward to that name.
#include "tests/unit/vdomain/fake_view.h"

namespace toast::vdomain {
namespace {

class ResolverLmtp : public testing::Test {
 protected:
  ResolverLmtp() {
    view_.add_domain("a.test").lmtp = NextHop::parse_lmtp("/run/lmtp").value();
    view_.add_domain("b.test");
    view_.other_names["c.test"] = "a.test";
    for (const auto* name : {"ann@a.test", "bob@a.test", "eve@b.test"}) view_.add_mailbox(name);
  }
  std::string resolved(std::string_view recipient) { return vdomain::resolved(view_, recipient); }
  FakeView view_;
};

constexpr std::string_view kAnn = "lmtp /run/lmtp for ann@a.test";

TEST_F(ResolverLmtp, AMailboxUnderItsOwnName) {
  EXPECT_EQ(resolved("ann@a.test"), kAnn);
  EXPECT_EQ(resolved("Ann@A.TEST"), kAnn);
  EXPECT_EQ(resolved("eve@b.test"), "maildir b.test/eve/Maildir");
  EXPECT_EQ(resolved("who@a.test"), "unknown");
  view_.domains.at("a.test").lmtp = NextHop::parse_lmtp("[192.0.2.1]:24").value();
  EXPECT_EQ(resolved("ann@a.test"), "lmtp [192.0.2.1]:24 for ann@a.test");
}

TEST_F(ResolverLmtp, UnderAnyOtherNameItIsAForward) {
  view_.add_alias("sales@a.test", {"ann@a.test"});
  view_.add_alias("all@b.test", {"ann@a.test", "eve@b.test", "bob@c.test"});
  view_.add_file("a.test", ".qmail-robot", "./ann/Maildir/\n");
  EXPECT_EQ(resolved("sales@a.test"), "forward ann@a.test");
  EXPECT_EQ(resolved("all@b.test"),
            "forward ann@a.test; maildir b.test/eve/Maildir; forward bob@a.test");
  EXPECT_EQ(resolved("robot@a.test"), "forward ann@a.test");
  EXPECT_EQ(resolved("ann@c.test"), "forward ann@a.test");       // another name of the domain
  EXPECT_EQ(resolved("ann+news@a.test"), "forward ann@a.test");  // a sub-address
  EXPECT_EQ(resolved("postmaster@a.test"), "forward ann@a.test");
  EXPECT_EQ(resolved("abuse@mx.test"), "forward ann@a.test");
  view_.domains.at("a.test").catch_all = {CatchAll::Kind::mailbox, address("bob@a.test")};
  EXPECT_EQ(resolved("who@a.test"), "forward bob@a.test");
}

TEST_F(ResolverLmtp, ACopyOfOnesOwnStandsBesideTheOthers) {
  view_.add_alias("ann@a.test", {"x@other.test", "eve@b.test"}).keep_copy = true;
  EXPECT_EQ(resolved("ann@a.test"),
            std::string(kAnn) + "; forward x@other.test; maildir b.test/eve/Maildir");
  view_.add_alias("ann@a.test", {"x@other.test", "ann@a.test"});
  EXPECT_EQ(resolved("ann@a.test"), "forward x@other.test; " + std::string(kAnn));
  view_.add_file("a.test", ".qmail-bob", "&x@other.test\n./bob/Maildir/\n");
  EXPECT_EQ(resolved("bob@a.test"), "forward x@other.test; lmtp /run/lmtp for bob@a.test");
}

// Followed here and again as a recipient of its own, x@other.test would get it twice.
TEST_F(ResolverLmtp, WhatStandsInFrontOfAnotherMailboxIsLeftToItsOwnTurn) {
  view_.add_alias("ann@a.test", {"x@other.test"}).keep_copy = true;
  view_.add_file("a.test", ".qmail-bob", "&x@other.test\n./bob/Maildir/\n");
  view_.add_alias("sales@a.test", {"ann@a.test", "bob@a.test"});
  for (const auto* other : {"ann+news@a.test", "ann@c.test"})
    EXPECT_EQ(resolved(other), "forward ann@a.test");
  EXPECT_EQ(resolved("sales@a.test"), "forward ann@a.test; forward bob@a.test");
}

TEST_F(ResolverLmtp, SuspensionsAndSwitchesHoldAsEver) {
  view_.mailboxes.at("ann@a.test").services.receive = false;
  EXPECT_EQ(resolved("ann@a.test"), "refuse 5.2.1 this mailbox does not take mail");
  EXPECT_EQ(resolved("ann+x@a.test"), "refuse 5.2.1 this mailbox does not take mail");
  view_.domains.at("a.test").incoming_suspended = "moving";
  EXPECT_EQ(resolved("bob@a.test"), "refuse 5.2.1 moving");
}

TEST_F(ResolverLmtp, TheInstructionGoesOverTheWire) {
  const auto sent = [](const NextHop& hop) {
    Encoder e;
    put_instruction(e, HandOver{hop, address("ann@a.test")});
    Decoder d(e.view());
    const Instruction back = take_instruction(d);
    return d.finish("instruction") ? describe(back) : "refused";
  };
  EXPECT_EQ(sent(NextHop::parse_lmtp("/run/lmtp").value()), kAnn);
  EXPECT_EQ(sent(NextHop::of(domain("a.test"))), "refused");  // mail would leave for its MX hosts
}

}  // namespace
}  // namespace toast::vdomain
