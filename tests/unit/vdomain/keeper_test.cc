// What the keeper answers while its database works.
#include <filesystem>
#include <fstream>

#include "tests/unit/vdomain/keeper_fixture.h"

namespace toast::vdomain {

TEST_F(KeeperTest, Recipients) {
  add_domain("a.test");
  add_mailbox("ann@a.test");
  EXPECT_EQ(check("ann@a.test"), "accept");
  EXPECT_EQ(check("Ann+x@A.TEST"), "accept");
  EXPECT_EQ(check("who@a.test"), "unknown");
  EXPECT_EQ(check("who@b.test"), "not_local");
  EXPECT_EQ(resolve("ann@a.test"), "maildir a.test/ann/Maildir;");
  EXPECT_EQ(resolve("who@a.test"), "unknown");
  EXPECT_EQ(resolve("who@b.test"), "not_local");
}

TEST_F(KeeperTest, AChangeCountsAtOnce) {
  add_domain("a.test");
  EXPECT_EQ(check("ann@a.test"), "unknown");
  add_mailbox("ann@a.test");
  EXPECT_EQ(check("ann@a.test"), "accept");  // no time has passed
  ASSERT_TRUE(writer().remove_mailbox(Address::parse("ann@a.test").value(), actor_)->ok());
  EXPECT_EQ(check("ann@a.test"), "unknown");
}

TEST_F(KeeperTest, AChangedFileCountsWithinASecond) {
  add_domain("a.test");
  EXPECT_EQ(resolve("ann@a.test"), "unknown");
  std::filesystem::create_directory(root_ + "/mail/a.test");
  std::ofstream(root_ + "/mail/a.test/.qmail-ann") << "x@b.test\n";
  clock_.advance(std::chrono::milliseconds{1001});
  EXPECT_EQ(resolve("ann@a.test"), "forward x@b.test;");
}

TEST_F(KeeperTest, SuspendedIsARefusalWithItsReason) {
  HostedDomain domain{.name = Domain::parse("a.test").value()};
  domain.incoming_suspended = "not paid";
  ASSERT_TRUE(writer().add_domain(domain, actor_)->ok());
  EXPECT_EQ(check("ann@a.test"), "suspended: not paid");
  EXPECT_EQ(resolve("ann@a.test"), "refuse 5.2.1 not paid;");
}

TEST_F(KeeperTest, WhatCannotBeCarriedOutIsRefusedForNow) {
  add_domain("a.test");
  std::filesystem::create_directory(root_ + "/mail/a.test");
  std::ofstream(root_ + "/mail/a.test/.qmail-robot") << "|true\n";
  add_mailbox("ann@a.test");
  std::ofstream(root_ + "/mail/a.test/.qmail-both") << "ann@a.test\n|true\n";
  EXPECT_EQ(check("robot@a.test"),
            "transient: 4.3.5 a.test/.qmail-robot:1: this version does not run programs");
  EXPECT_EQ(check("both@a.test"), "accept");  // somebody takes it; the rest waits in the queue
}

// For everybody: whoever owns the name has said where its mail goes.
TEST_F(KeeperTest, ForwardsToOtherHostsAreTaken) {
  add_domain("a.test");
  std::filesystem::create_directory(root_ + "/mail/a.test");
  std::ofstream(root_ + "/mail/a.test/.qmail-away") << "x@b.test\n";
  std::ofstream(root_ + "/mail/a.test/.qmail-lost") << "nobody@a.test\n";
  std::ofstream(root_ + "/mail/a.test/.qmail-half") << "nobody@a.test\nx@b.test\n";
  EXPECT_EQ(check("away@a.test"), "accept");
  EXPECT_EQ(check("half@a.test"), "accept");
  EXPECT_EQ(check("lost@a.test"), "unknown");  // it would only bounce
}

TEST_F(KeeperTest, Accounts) {
  add_domain("a.test");
  add_domain("mx.test");
  add_mailbox("ann@a.test");
  add_mailbox("bob@mx.test");
  ASSERT_TRUE(writer()
                  .add_domain_alias(Domain::parse("b.test").value(),
                                    Domain::parse("a.test").value(), actor_)
                  ->ok());
  EXPECT_EQ(account("ann@a.test"), "ann@a.test a.test/ann/Maildir allowed");
  EXPECT_EQ(account("ANN@b.test"), "ann@a.test a.test/ann/Maildir allowed");
  EXPECT_EQ(account("ann%a.test"), "ann@a.test a.test/ann/Maildir allowed");
  EXPECT_EQ(account("bob"), "bob@mx.test mx.test/bob/Maildir allowed");
  EXPECT_EQ(account("ann"), "not found");
  EXPECT_EQ(account("bob%mx.test"), "bob@mx.test mx.test/bob/Maildir allowed");
  EXPECT_EQ(account("ann+x@a.test"), "not found");  // mail finds ways that logins do not
  EXPECT_EQ(account("@@"), "not found");
  EXPECT_EQ(account(""), "not found");
}

// A domain may have its passwords checked elsewhere, those of names that do not exist like others.
TEST_F(KeeperTest, ALoginNamesItsDomainWhetherItExistsOrNot) {
  add_domain("a.test");
  const auto domain_of = [this](const char* login) {
    auth::FindAccount question;
    question.login = login;
    return keeper_->find_account(question).value().domain;
  };
  EXPECT_EQ(domain_of("nobody@A.test"), "a.test");
  EXPECT_EQ(domain_of("nobody@elsewhere.test"), "");
}

TEST_F(KeeperTest, AccountsAreAllowedWhatTheirSwitchesSay) {
  add_domain("a.test");
  add_mailbox("ann@a.test");
  DirectoryRepository directory = writer();
  Mailbox ann = *directory.find_mailbox(Address::parse("ann@a.test").value()).value();
  ann.services.pop3 = false;
  ASSERT_TRUE(directory.set_mailbox(ann, actor_)->ok());
  EXPECT_EQ(account("ann@a.test", auth::Service::pop3), "ann@a.test a.test/ann/Maildir denied");
  EXPECT_EQ(account("ann@a.test", auth::Service::imap), "ann@a.test a.test/ann/Maildir allowed");
  HostedDomain domain = *directory.find_domain(Domain::parse("a.test").value()).value();
  domain.login_suspended = "closed";
  ASSERT_TRUE(directory.set_domain(domain, actor_)->ok());
  EXPECT_EQ(account("ann@a.test", auth::Service::imap), "ann@a.test a.test/ann/Maildir denied");
}

TEST_F(KeeperTest, FullMailboxes) {
  add_domain("a.test");
  add_mailbox("ann@a.test", {1000, 0});
  const Address ann = Address::parse("ann@a.test").value();
  EXPECT_EQ(check("ann@a.test"), "accept");
  EXPECT_EQ(check("ann@a.test", 1001), "over_quota");  // can never fit
  keeper_->report_usage({ann, RoomState::full, 999, 3, {1000, 0}});
  EXPECT_EQ(check("ann@a.test"), "over_quota");
  EXPECT_EQ(resolve("ann@a.test"), "maildir a.test/ann/Maildir;");  // the queue still tries
  keeper_->report_usage({ann, RoomState::ample, 10, 1, {1000, 0}});
  EXPECT_EQ(check("ann@a.test"), "accept");
}

TEST_F(KeeperTest, AFullMailboxWithARaisedQuotaIsOpen) {
  add_domain("a.test");
  add_mailbox("ann@a.test", {1000, 0});
  const Address at = Address::parse("ann@a.test").value();
  keeper_->report_usage({at, RoomState::full, 999, 3, {1000, 0}});
  EXPECT_EQ(check("ann@a.test"), "over_quota");
  DirectoryRepository directory = writer();
  Mailbox ann = *directory.find_mailbox(at).value();
  ann.quota.bytes = 2000;
  ASSERT_TRUE(directory.set_mailbox(ann, actor_)->ok());
  EXPECT_EQ(check("ann@a.test"), "accept");
  // Nor does a later report of one who has not heard of it count.
  keeper_->report_usage({at, RoomState::full, 999, 3, {1000, 0}});
  EXPECT_EQ(check("ann@a.test"), "accept");
  keeper_->report_usage({at, RoomState::full, 1999, 3, {2000, 0}});
  EXPECT_EQ(check("ann@a.test"), "over_quota");
}

TEST_F(KeeperTest, AMessageLargerThanTheRoomLeftIsRefused) {
  add_domain("a.test");
  add_mailbox("ann@a.test", {1000, 0});
  add_mailbox("bob@a.test", {0, 10});
  const Address ann = Address::parse("ann@a.test").value();
  keeper_->report_usage({ann, RoomState::tight, 900, 3, {1000, 0}});
  EXPECT_EQ(check("ann@a.test", 100), "accept");
  EXPECT_EQ(check("ann@a.test", 101), "over_quota");
  EXPECT_EQ(check("ann@a.test"), "accept");  // no SIZE: its delivery decides
  keeper_->report_usage({ann, RoomState::tight, 1200, 3, {1000, 0}});
  EXPECT_EQ(check("ann@a.test", 1), "over_quota");
  keeper_->report_usage({ann, RoomState::ample, 0, 0, {1000, 0}});
  EXPECT_EQ(check("ann@a.test", 1000), "accept");
  keeper_->report_usage(
      {Address::parse("bob@a.test").value(), RoomState::tight, 1U << 30U, 3, {0, 10}});
  EXPECT_EQ(check("bob@a.test", 1U << 20U), "accept");  // its quota is of messages
}

TEST_F(KeeperTest, FullnessIsNotBelievedForEver) {
  add_domain("a.test");
  add_mailbox("ann@a.test", {1000, 0});
  keeper_->report_usage({Address::parse("ann@a.test").value(), RoomState::full, 999, 3, {1000, 0}});
  EXPECT_EQ(check("ann@a.test"), "over_quota");
  clock_.advance(kFullnessMemory);
  EXPECT_EQ(check("ann@a.test"), "accept");
}

TEST(AnswerCache, IsBoundedAndKeepsWhatIsAskedFor) {
  AnswerCache<int> cache(10);
  const SteadyTime now{};
  cache.put("kept", 1, true, 1, now);
  for (int i = 0; i < 1000; ++i) {
    cache.put(std::to_string(i), i, true, 1, now);
    EXPECT_LE(cache.size(), 10U);
    ASSERT_NE(cache.positive("kept"), nullptr) << i;
  }
  EXPECT_EQ(cache.positive("1"), nullptr);
}

TEST(AnswerCache, FreshMeansUnchangedAndYoung) {
  AnswerCache<int> cache;
  const SteadyTime now{};
  cache.put("q", 1, false, 7, now);
  EXPECT_NE(cache.fresh("q", 7, now + kMaxAnswerAge), nullptr);
  EXPECT_EQ(cache.fresh("q", 8, now), nullptr);
  EXPECT_EQ(cache.fresh("q", 7, now + kMaxAnswerAge + std::chrono::milliseconds{1}), nullptr);
  EXPECT_EQ(cache.positive("q"), nullptr);
}

TEST_F(KeeperTest, ALoginNameWithoutADomainIsInTheLoginDomain) {
  add_domain("a.test");
  add_domain("mx.test");
  add_mailbox("ann@a.test");
  add_mailbox("ann@mx.test");
  const Domain host = Domain::parse("mx.test").value();
  EXPECT_EQ(account("ann"), "ann@mx.test mx.test/ann/Maildir allowed");
  const Domain other = Domain::parse("a.test").value();
  keeper_->set_names(host, LoginDomains::parse(host, {"192.0.2.9:a.test"}).value());
  EXPECT_EQ(account("ann"), "ann@mx.test mx.test/ann/Maildir allowed");
  const auto by_address = keeper_->find_account({auth::Service::pop3, "ann", "192.0.2.9"}).value();
  EXPECT_EQ(by_address.mailbox, "ann@a.test");
  const auto nobody = keeper_->find_account({auth::Service::pop3, "Zed", "192.0.2.9"}).value();
  EXPECT_FALSE(nobody.found);
  EXPECT_EQ(nobody.name, "zed@a.test") << "so that all its spellings are one for authd";
  keeper_->set_names(host, LoginDomains(other));
  EXPECT_EQ(account("ann"), "ann@a.test a.test/ann/Maildir allowed");
  EXPECT_EQ(account("ann%mx.test"), "ann@mx.test mx.test/ann/Maildir allowed");
  EXPECT_EQ(account("ann@mx.test"), "ann@mx.test mx.test/ann/Maildir allowed");
  keeper_->set_names(host, LoginDomains(Domain::parse("nowhere.test").value()));
  EXPECT_EQ(account("ann"), "not found");
}

// What toast-maild is told, and what it tells.
TEST_F(KeeperTest, ADomainWithAQuota) {
  HostedDomain domain{.name = Domain::parse("a.test").value()};
  domain.quota = {1000, 50};
  ASSERT_TRUE(writer().add_domain(domain, actor_)->ok());
  add_mailbox("ann@a.test");
  add_mailbox("ben@a.test", {300, 0});
  add_domain("b.test");
  add_mailbox("carl@b.test");
  const auto domains = keeper_->quota_domains({}).value();
  ASSERT_EQ(domains.domains.size(), 1U);
  EXPECT_EQ(domains.domains[0], (DomainQuota{domain.name, {1000, 50}}));
  const auto holders = keeper_->quota_holders({domain.name, {}}).value();
  ASSERT_EQ(holders.holders.size(), 2U);
  EXPECT_EQ(holders.holders[0].maildir, "a.test/ann/Maildir");
  EXPECT_EQ(holders.holders[0].quota, (Quota{1000, 50})) << "one without a quota has the domain's";
  EXPECT_EQ(holders.holders[1].quota, (Quota{300, 50}));
  EXPECT_EQ(keeper_->quota_holders({domain.name, "ann"})->holders.size(), 1U);
  EXPECT_TRUE(keeper_->quota_holders({Domain::parse("x.test").value(), {}})->holders.empty());
  const auto found = keeper_->find_account({auth::Service::pop3, "ann@a.test"}).value();
  EXPECT_EQ(found.quota_bytes, 1000U);
  EXPECT_EQ(found.quota_messages, 50U);

  DomainUsageReport report{domain.name};
  report.state = RoomState::tight;
  report.bytes = 900;
  report.quota = domain.quota;
  keeper_->report_domain_usage(report);
  EXPECT_EQ(check("ann@a.test"), "accept");
  EXPECT_EQ(check("ann@a.test", 100), "accept");
  EXPECT_EQ(check("ann@a.test", 101), "over_quota");
  EXPECT_EQ(check("carl@b.test", 101), "accept");
  report.state = RoomState::full;
  keeper_->report_domain_usage(report);
  EXPECT_EQ(check("ben@a.test"), "over_quota");
  report.state = RoomState::ample;
  keeper_->report_domain_usage(report);
  EXPECT_EQ(check("ben@a.test"), "accept");
}

// What toast-queued asks of a domain that somebody sends from.
TEST_F(KeeperTest, SendingLimitsOfADomainAndItsOwner) {
  const auto of = [&](std::string_view name) {
    return keeper_->send_limits({Domain::parse(name).value()}).value();
  };
  DomainOwner owner{.name = "acme", .limits = {.messages_per_hour = 10, .messages_per_day = 0}};
  ASSERT_TRUE(writer().add_owner(owner, actor_)->ok());
  HostedDomain domain{.name = Domain::parse("a.test").value()};
  domain.owner = "acme";
  domain.limits.messages_per_day = 500;
  ASSERT_TRUE(writer().add_domain(domain, actor_)->ok());
  add_domain("b.test");
  const FindSendLimits::Reply found = of("a.test");
  EXPECT_EQ(found.owner, "acme");
  EXPECT_EQ(found.domain, (SendLimits{std::nullopt, 500}));
  EXPECT_EQ(found.of_owner, (SendLimits{10, 0}));
  for (const std::string_view other : {"b.test", "nowhere.test"}) {
    EXPECT_EQ(of(other).owner, "");
    EXPECT_EQ(of(other).domain, SendLimits{});
  }
}

// The operator's words for mail to names that nobody has.
TEST_F(KeeperTest, WordsOfACatchAll) {
  HostedDomain domain{.name = Domain::parse("a.test").value()};
  domain.catch_all = {CatchAll::Kind::refuse, std::nullopt,
                      ReplyText::parse("moved to b.test").value()};
  ASSERT_TRUE(writer().add_domain(domain, actor_)->ok());
  add_mailbox("ann@a.test");
  const auto checked = keeper_->check({Address::parse("who@a.test").value(), 0}).value();
  EXPECT_EQ(checked.verdict, CheckRecipient::Verdict::unknown);
  EXPECT_EQ(checked.reason, "moved to b.test");
  const auto resolved = keeper_->resolve({Address::parse("who@a.test").value()}).value();
  EXPECT_EQ(resolved.status, Resolve::Status::unknown);
  EXPECT_EQ(resolved.reason, "moved to b.test");
  EXPECT_EQ(check("ann@a.test"), "accept");
  EXPECT_EQ(check("postmaster@a.test"), "accept");

  domain.name = Domain::parse("b.test").value();
  domain.catch_all = {CatchAll::Kind::discard, std::nullopt,
                      ReplyText::parse("role addresses only").value()};
  ASSERT_TRUE(writer().add_domain(domain, actor_)->ok());
  EXPECT_EQ(check("who@b.test"), "accept");
  EXPECT_EQ(resolve("who@b.test"), "discard (catch-all of b.test: role addresses only);");
}

TEST_F(KeeperTest, ThatADomainIsFullIsForgottenInTime) {
  add_domain("a.test");
  add_mailbox("ann@a.test");
  DomainUsageReport report{Domain::parse("a.test").value()};
  report.state = RoomState::full;
  keeper_->report_domain_usage(report);
  EXPECT_EQ(check("ann@a.test"), "over_quota");
  clock_.advance(kFullnessMemory);
  EXPECT_EQ(check("ann@a.test"), "accept");
}

}  // namespace toast::vdomain
