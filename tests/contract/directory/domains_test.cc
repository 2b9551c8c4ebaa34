#include <limits>

#include "tests/contract/directory/back_ends.h"

namespace toast::vdomain {

using Status = Change::Status;

TEST_P(DirectoryContract, ADomainIsFoundAsItWasAdded) {
  HostedDomain wanted = hosted("example.org");
  wanted.incoming_suspended = "moving house";
  wanted.catch_all = {CatchAll::Kind::forward, address("all@other.test")};
  wanted.sub_addressing = {.plus = false, .dash = true};
  wanted.default_quota = {1'000'000, 500};
  wanted.limits = {10, 20, 0, 1000};
  wanted.lmtp = NextHop::parse_lmtp("[2001:db8::1]:24").value();
  EXPECT_EQ(status_of(directory_.add_domain(wanted, actor_)), Status::changed);
  const auto found = directory_.find_domain(domain("EXAMPLE.org")).value();
  ASSERT_TRUE(found);
  wanted.created = clock_.wall();
  wanted.version = 1;
  EXPECT_EQ(*found, wanted);
  EXPECT_FALSE(directory_.find_domain(domain("example.com")).value());
}

TEST_P(DirectoryContract, AddingADomainAgainIsNoChangeOrAConflict) {
  EXPECT_EQ(add_domain("example.org"), Status::changed);
  EXPECT_EQ(add_domain("example.org"), Status::unchanged);
  HostedDomain other = hosted("example.org");
  other.catch_all.kind = CatchAll::Kind::discard;
  const auto change = directory_.add_domain(other, actor_);
  EXPECT_EQ(status_of(change), Status::conflict);
  EXPECT_EQ(change->message, "example.org exists already: catch-all is refuse, not discard");
}

TEST_P(DirectoryContract, SetDomainIsOptimistic) {
  add_domain("example.org");
  HostedDomain mine = *directory_.find_domain(domain("example.org")).value();
  HostedDomain theirs = mine;
  theirs.catch_all.kind = CatchAll::Kind::discard;
  EXPECT_EQ(status_of(directory_.set_domain(theirs, actor_)), Status::changed);
  mine.login_suspended = "unpaid";
  EXPECT_EQ(status_of(directory_.set_domain(mine, actor_)), Status::conflict);
  EXPECT_EQ(status_of(directory_.set_domain(theirs, actor_)), Status::unchanged);  // twice the same
  EXPECT_EQ(status_of(directory_.set_domain(hosted("nowhere.test"), actor_)), Status::not_found);
}

TEST_P(DirectoryContract, WhoServesTheMailboxes) {
  add_domain("example.org");
  HostedDomain present = *directory_.find_domain(domain("example.org")).value();
  EXPECT_FALSE(present.lmtp);
  present.lmtp = NextHop::parse_lmtp("/run/dovecot/lmtp").value();
  EXPECT_EQ(status_of(directory_.set_domain(present, actor_)), Status::changed);
  EXPECT_EQ(status_of(directory_.set_domain(present, actor_)), Status::unchanged);
  present = *directory_.find_domain(domain("example.org")).value();
  EXPECT_EQ(present.lmtp->str(), "lmtp:/run/dovecot/lmtp");
  const AuditEntry noted = directory_.audit("example.org", 1).value().at(0);
  EXPECT_NE(noted.before->find(R"("lmtp":null)"), std::string::npos) << *noted.before;
  EXPECT_NE(noted.after->find(R"("lmtp":"/run/dovecot/lmtp")"), std::string::npos) << *noted.after;
  EXPECT_EQ(directory_.add_domain(hosted("example.org"), actor_)->message,
            "example.org exists already: LMTP server is /run/dovecot/lmtp, not off");
  present.lmtp = std::nullopt;
  EXPECT_EQ(status_of(directory_.set_domain(present, actor_)), Status::changed);
  EXPECT_FALSE(directory_.find_domain(domain("example.org")).value()->lmtp);
}

TEST_P(DirectoryContract, ValuesNoDomainShouldHaveAreRefused) {
  const auto refused = [&](HostedDomain bad) {
    const auto change = directory_.add_domain(bad, actor_);
    EXPECT_EQ(status_of(change), Status::invalid);
    EXPECT_NE(change->message, "");
  };
  refused(HostedDomain{.name = Domain::parse_name_or_literal("[192.0.2.1]").value()});
  HostedDomain bad = hosted("example.org");
  bad.incoming_suspended = "";
  refused(bad);
  bad.incoming_suspended = "two\nlines";
  refused(bad);
  bad.incoming_suspended = std::string(201, 'x');
  refused(bad);
  bad = hosted("example.org");
  bad.default_quota.bytes = std::numeric_limits<std::uint64_t>::max();
  refused(bad);
  bad = hosted("example.org");
  bad.lmtp = NextHop::of(domain("mx.test"));  // which speaks SMTP
  refused(bad);
  bad = hosted("example.org");
  bad.catch_all.kind = CatchAll::Kind::forward;  // without an address
  refused(bad);
  bad.catch_all = {CatchAll::Kind::refuse, address("a@example.org")};  // with one
  refused(bad);
  bad.catch_all = {CatchAll::Kind::mailbox, address("a@other.test")};  // of another domain
  refused(bad);
  bad.catch_all = {CatchAll::Kind::mailbox, address("a@example.org")};  // which is not there
  refused(bad);
  EXPECT_FALSE(directory_.find_domain(domain("example.org")).value());
}

TEST_P(DirectoryContract, ADomainWithContentsIsRemovedOnlyOnRequest) {
  add_domain("example.org");
  add_mailbox("ann@example.org");
  add_alias("sales@example.org", {"ann@example.org"});
  directory_.add_domain_alias(domain("example.net"), domain("example.org"), actor_).value();
  const auto kept = directory_.remove_domain(domain("example.org"), false, actor_);
  EXPECT_EQ(status_of(kept), Status::conflict);
  EXPECT_EQ(kept->message,
            "example.org has 1 mailboxes, 1 aliases and 1 other names: delete them first, or the "
            "domain with its contents");
  EXPECT_EQ(status_of(directory_.remove_domain(domain("example.org"), true, actor_)),
            Status::changed);
  EXPECT_FALSE(directory_.find_domain(domain("example.org")).value());
  EXPECT_FALSE(directory_.find_domain_alias(domain("example.net")).value());
  EXPECT_FALSE(directory_.find_mailbox(address("ann@example.org")).value());
  EXPECT_FALSE(directory_.find_alias(address("sales@example.org")).value());
  EXPECT_EQ(status_of(directory_.remove_domain(domain("example.org"), true, actor_)),
            Status::not_found);
  // Every object that went is in the record.
  EXPECT_EQ(directory_.audit("ann@example.org", 1).value().at(0).action, "mailbox.delete");
  EXPECT_EQ(directory_.audit("sales@example.org", 1).value().at(0).action, "alias.delete");
  EXPECT_EQ(directory_.audit("example.net", 1).value().at(0).action, "domain_alias.delete");
}

TEST_P(DirectoryContract, OtherNamesOfADomain) {
  add_domain("example.org");
  add_domain("other.test");
  const auto add = [&](std::string_view name, std::string_view target) {
    return status_of(directory_.add_domain_alias(domain(name), domain(target), actor_));
  };
  EXPECT_EQ(add("example.net", "example.org"), Status::changed);
  EXPECT_EQ(add("example.net", "example.org"), Status::unchanged);
  EXPECT_EQ(add("example.net", "other.test"), Status::conflict);
  EXPECT_EQ(add("other.test", "example.org"), Status::conflict);  // a domain of its own
  EXPECT_EQ(add("example.com", "nowhere.test"), Status::not_found);
  EXPECT_EQ(add("example.com", "example.net"), Status::changed);  // an alias of an alias...
  EXPECT_EQ(directory_.find_domain_alias(domain("example.com")).value()->target,
            domain("example.org"));  // ...is one of what that stands for
  EXPECT_EQ(add_domain("example.net"), Status::conflict);
  EXPECT_EQ(directory_.list_domain_aliases({.domain = domain("example.org")}).value().items.size(),
            2U);
  EXPECT_TRUE(
      directory_.list_domain_aliases({.domain = domain("other.test")}).value().items.empty());
  EXPECT_EQ(status_of(directory_.remove_domain_alias(domain("example.net"), actor_)),
            Status::changed);
  EXPECT_EQ(status_of(directory_.remove_domain_alias(domain("example.net"), actor_)),
            Status::not_found);
}

TEST_P(DirectoryContract, ListsOfDomainsAreSortedFilteredAndPaged) {
  for (const auto* name : {"c.test", "a.test", "b.org", "b.test"}) add_domain(name);
  const auto names = [&](const ListQuery& query) {
    std::string all;
    const auto page = directory_.list_domains(query).value();
    for (const auto& d : page.items) all += d.name.str() + " ";
    return all;
  };
  EXPECT_EQ(names({}), "a.test b.org b.test c.test ");
  EXPECT_EQ(names({.match = "*.test"}), "a.test b.test c.test ");
  const auto page = directory_.list_domains({.match = "*.test", .limit = 2}).value();
  EXPECT_EQ(page.items.size(), 2U);
  EXPECT_EQ(page.next, "b.test");
  EXPECT_EQ(names({.match = "*.test", .after = page.next}), "c.test ");
  EXPECT_EQ(directory_.list_domains({.match = "*.test", .limit = 3}).value().next, "");
}

}  // namespace toast::vdomain
