// The quota of a domain over all its mailboxes, sending limits in place of the settings, and words
// for mail that nobody gets: stored as they were given, found again without reading the rest.
#include "tests/contract/directory/back_ends.h"

namespace toast::vdomain {

using Status = Change::Status;

namespace {

ReplyText words(std::string_view text) { return ReplyText::parse(text).value(); }

std::vector<DomainQuota> quota_domains(DirectoryRepository& directory,
                                       const std::string& after = {}) {
  std::vector<DomainQuota> found;
  EXPECT_TRUE(directory.store().each_quota_domain(after, [&](const DomainQuota& one) {
    found.push_back(one);
    return true;
  }));
  return found;
}

}  // namespace

TEST_P(DirectoryContract, ADomainKeepsItsQuotaItsWordsAndItsSendingLimits) {
  HostedDomain wanted = hosted("example.org");
  wanted.quota = {5'000'000'000, 70'000};
  wanted.catch_all = {CatchAll::Kind::discard, std::nullopt, words("role addresses only")};
  wanted.limits.messages_per_hour = 100;
  wanted.limits.messages_per_day = 0;
  EXPECT_EQ(status_of(directory_.add_domain(wanted, actor_)), Status::changed);
  HostedDomain found = *directory_.find_domain(domain("example.org")).value();
  EXPECT_EQ(found.quota, wanted.quota);
  EXPECT_EQ(found.catch_all, wanted.catch_all);
  EXPECT_EQ(found.limits, wanted.limits);
  EXPECT_EQ(directory_.add_domain(hosted("example.org"), actor_)->message,
            "example.org exists already: catch-all is discard:role addresses only, not refuse; "
            "quota is 5000000000 bytes and 70000 messages, not unlimited; most messages an hour is "
            "100, not as the settings say; most messages a day is unlimited, not as the settings "
            "say");
  found.catch_all = {CatchAll::Kind::refuse, std::nullopt, words("moved to example.net")};
  found.quota = {};
  found.limits.messages_per_hour = std::nullopt;
  EXPECT_EQ(status_of(directory_.set_domain(found, actor_)), Status::changed);
  const HostedDomain now = *directory_.find_domain(domain("example.org")).value();
  EXPECT_EQ(now.quota, Quota{});
  EXPECT_EQ(now.catch_all.text->str(), "moved to example.net");
  EXPECT_EQ(now.limits.messages_per_hour, std::nullopt);
  const AuditEntry noted = directory_.audit("example.org", 1).value().at(0);
  EXPECT_NE(noted.before->find(R"("quota_bytes":5000000000)"), std::string::npos) << *noted.before;
  EXPECT_NE(noted.after->find(R"("catch_all_text":"moved to example.net")"), std::string::npos);
}

TEST_P(DirectoryContract, AnOwnerKeepsItsSendingLimits) {
  DomainOwner owner{.name = "acme", .limits = {.messages_per_hour = 10, .messages_per_day = 0}};
  EXPECT_EQ(status_of(directory_.add_owner(owner, actor_)), Status::changed);
  DomainOwner found = *directory_.find_owner("acme").value();
  EXPECT_EQ(found.limits, owner.limits);
  found.limits.messages_per_day = 500;
  EXPECT_EQ(status_of(directory_.set_owner(found, actor_)), Status::changed);
  EXPECT_EQ(directory_.find_owner("acme").value()->limits.messages_per_day, 500U);
}

TEST_P(DirectoryContract, WhatADomainCannotHave) {
  HostedDomain served = hosted("example.org");
  served.lmtp = NextHop::parse_lmtp("/run/dovecot/lmtp").value();
  served.quota.bytes = 1;
  EXPECT_EQ(status_of(directory_.add_domain(served, actor_)), Status::invalid);
  HostedDomain forwarding = hosted("example.org");
  forwarding.catch_all = {CatchAll::Kind::forward, address("x@other.test"), words("why")};
  EXPECT_EQ(status_of(directory_.add_domain(forwarding, actor_)), Status::invalid);
  for (const std::string& bad : {std::string(), std::string("two\r\nlines"), std::string("caf\xc3"),
                                 std::string(kMaxReplyText + 1, 'x')})
    EXPECT_FALSE(ReplyText::parse(bad)) << bad;
}

TEST_P(DirectoryContract, DomainsWithAQuotaAreListed) {
  EXPECT_TRUE(quota_domains(directory_).empty());
  for (const auto& [name, quota] :
       {std::pair("d.test", Quota{0, 5}), std::pair("a.test", Quota{}),
        std::pair("c.test", Quota{7, 5}), std::pair("b.test", Quota{9, 0})}) {
    HostedDomain d = hosted(name);
    d.quota = quota;
    directory_.add_domain(d, actor_).value();
  }
  const std::vector<DomainQuota> all{
      {domain("b.test"), {9, 0}}, {domain("c.test"), {7, 5}}, {domain("d.test"), {0, 5}}};
  EXPECT_EQ(quota_domains(directory_), all);
  EXPECT_EQ(quota_domains(directory_, "b.test"), (std::vector<DomainQuota>{all[1], all[2]}));
  EXPECT_TRUE(quota_domains(directory_, "d.test").empty());
}

}  // namespace toast::vdomain
