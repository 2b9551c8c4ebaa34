#include <fmt/format.h>

#include "tests/contract/directory/back_ends.h"

namespace toast::vdomain {

using Status = Change::Status;

TEST_P(DirectoryContract, AMailboxIsFoundByAnyCaseAndAnyNameOfItsDomain) {
  HostedDomain d = hosted("example.org");
  d.default_quota = {5000, 0};
  directory_.add_domain(d, actor_).value();
  directory_.add_domain_alias(domain("example.net"), domain("example.org"), actor_).value();
  EXPECT_EQ(add_mailbox("Ann@example.net"), Status::changed);
  for (const auto* name : {"ann@example.org", "ANN@EXAMPLE.ORG", "ann@example.net"}) {
    SCOPED_TRACE(name);
    const auto found = directory_.find_mailbox(address(name)).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->address, address("ann@example.org"));
    EXPECT_EQ(found->maildir, "example.org/ann/Maildir");
    EXPECT_EQ(found->quota, (Quota{5000, 0}));  // the domain's
    EXPECT_EQ(found->services, ServiceSwitches{});
  }
}

TEST_P(DirectoryContract, NamesBecomeSafeDirectories) {
  add_domain("example.org");
  struct Case {
    std::string_view name, maildir;
  };
  const Case cases[] = {
      {"a.b@example.org", "example.org/a.b/Maildir"},
      {"\"../x\"@example.org", "example.org/%2E.%2Fx/Maildir"},  // leaves no directory
      {"\".hidden\"@example.org", "example.org/%2Ehidden/Maildir"},
      {"\"a b\"@example.org", "example.org/a%20b/Maildir"},
      {"a%20b@example.org", "example.org/a%2520b/Maildir"},  // nor equals another's
      {"x/y@example.org", "example.org/x%2Fy/Maildir"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(add_mailbox(c.name), Status::changed);
    EXPECT_EQ(directory_.find_mailbox(address(c.name)).value()->maildir, c.maildir);
    EXPECT_EQ(directory_.store().mailbox_by_maildir(std::string(c.maildir)).value()->address,
              canonical(address(c.name)));
  }
}

TEST_P(DirectoryContract, AddingAMailboxAgainIsNoChangeOrAConflict) {
  EXPECT_EQ(add_mailbox("ann@example.org"), Status::not_found);  // no such domain
  add_domain("example.org");
  EXPECT_EQ(add_mailbox("ann@example.org"), Status::changed);
  EXPECT_EQ(add_mailbox("ANN@example.org"), Status::unchanged);
  const NewMailbox other{.address = address("ann@example.org"), .quota = Quota{1, 0}};
  const auto refused = directory_.add_mailbox(other, actor_);
  EXPECT_EQ(status_of(refused), Status::conflict);
  EXPECT_EQ(refused->message, "ann@example.org exists already: quota is unlimited, not 1 bytes");
}

TEST_P(DirectoryContract, SetMailboxIsOptimisticAndKeepsWhatItMust) {
  add_domain("example.org");
  add_mailbox("ann@example.org");
  Mailbox mine = *directory_.find_mailbox(address("ann@example.org")).value();
  Mailbox theirs = mine;
  theirs.services.pop3 = false;
  theirs.maildir = "elsewhere/Maildir";
  EXPECT_EQ(status_of(directory_.set_mailbox(theirs, actor_)), Status::changed);
  mine.quota = {10, 10};
  EXPECT_EQ(status_of(directory_.set_mailbox(mine, actor_)), Status::conflict);
  const auto now = directory_.find_mailbox(address("ann@example.org")).value();
  EXPECT_FALSE(now->services.pop3);
  EXPECT_EQ(now->maildir, "example.org/ann/Maildir");
  EXPECT_EQ(now->quota, Quota{});
}

TEST_P(DirectoryContract, LimitsHoldWhoeverWrites) {
  HostedDomain d = hosted("example.org");
  d.limits.mailboxes = 2;
  d.limits.aliases = 1;
  directory_.add_domain(d, actor_).value();
  EXPECT_EQ(add_mailbox("a@example.org"), Status::changed);
  EXPECT_EQ(add_mailbox("b@example.org"), Status::changed);
  EXPECT_EQ(add_mailbox("b@example.org"), Status::unchanged);  // it is there: no limit asked
  const auto full = directory_.add_mailbox({.address = address("c@example.org")}, actor_);
  EXPECT_EQ(status_of(full), Status::limit_reached);
  EXPECT_EQ(full->message,
            "example.org has its 2 mailboxes: delete one or raise the limit (toastctl domain set "
            "example.org --max-mailboxes N)");
  EXPECT_EQ(add_alias("x@example.org", {"a@example.org"}), Status::changed);
  EXPECT_EQ(add_alias("y@example.org", {"a@example.org"}), Status::limit_reached);
  directory_.remove_mailbox(address("a@example.org"), actor_).value();
  EXPECT_EQ(add_mailbox("c@example.org"), Status::changed);
}

TEST_P(DirectoryContract, AMailboxInUseIsNotRemoved) {
  add_domain("example.org");
  add_mailbox("ann@example.org");
  add_mailbox("bob@example.org");
  HostedDomain d = *directory_.find_domain(domain("example.org")).value();
  d.catch_all = {CatchAll::Kind::mailbox, address("Ann@example.org")};
  EXPECT_EQ(status_of(directory_.set_domain(d, actor_)), Status::changed);
  EXPECT_EQ(status_of(directory_.remove_mailbox(address("ann@example.org"), actor_)),
            Status::conflict);
  add_alias("bob@example.org", {"x@other.test"}, true);
  EXPECT_EQ(status_of(directory_.remove_mailbox(address("bob@example.org"), actor_)),
            Status::conflict);
  directory_.remove_alias(address("bob@example.org"), actor_).value();
  EXPECT_EQ(status_of(directory_.remove_mailbox(address("bob@example.org"), actor_)),
            Status::changed);
  EXPECT_EQ(status_of(directory_.remove_mailbox(address("bob@example.org"), actor_)),
            Status::not_found);
}

TEST_P(DirectoryContract, ListsOfMailboxesAreSortedFilteredAndPaged) {
  for (const auto* name : {"b.test", "a.test"}) add_domain(name);
  for (const auto* name : {"z@a.test", "a@b.test", "m@a.test", "ann@b.test"}) add_mailbox(name);
  const auto names = [&](const ListQuery& query) {
    std::string all;
    const auto page = directory_.list_mailboxes(query).value();
    for (const auto& m : page.items) all += m.address.str() + " ";
    return all;
  };
  EXPECT_EQ(names({}), "m@a.test z@a.test a@b.test ann@b.test ");
  EXPECT_EQ(names({.domain = domain("b.test")}), "a@b.test ann@b.test ");
  EXPECT_EQ(names({.match = "a*"}), "a@b.test ann@b.test ");
  const auto page = directory_.list_mailboxes({.limit = 3}).value();
  EXPECT_EQ(page.next, "a@b.test");
  EXPECT_EQ(names({.after = page.next}), "ann@b.test ");
}

TEST_P(DirectoryContract, LongListsComeWhole) {
  constexpr std::size_t kMany = 2005;  // more than a back end may fetch at once
  for (const auto* name : {"a.test", "b.test"}) add_domain(name);
  auto transaction = directory_.store().begin().value();
  for (std::size_t i = 0; i < kMany; ++i) {
    const Address at = address(fmt::format("u{:04}@{}", i, i % 2 == 0 ? "a.test" : "b.test"));
    const std::string maildir = at.str();
    ASSERT_TRUE(transaction->insert_mailbox({.address = at, .maildir = maildir}));
    ASSERT_TRUE(transaction->insert_alias(
        {.address = at, .targets = {address("x@x.test"), address("y@x.test")}}));
  }
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(directory_.list_mailboxes({.limit = kMany + 1}).value().items.size(), kMany);
  const auto aliases = directory_.list_aliases({.limit = kMany + 1}).value().items;
  ASSERT_EQ(aliases.size(), kMany);
  for (const Alias& alias : aliases) EXPECT_EQ(alias.targets.size(), 2U);
  std::size_t paged = 0;
  ListQuery query{.limit = 700};
  for (;;) {
    const auto page = directory_.list_mailboxes(query).value();
    paged += page.items.size();
    if (page.next.empty()) break;
    query.after = page.next;
  }
  EXPECT_EQ(paged, kMany);
}

TEST_P(DirectoryContract, TheOldestMailboxIsTheFirstAdded) {
  for (const auto* name : {"b.test", "a.test"}) add_domain(name);
  EXPECT_FALSE(directory_.store().oldest_mailbox(nullptr).value());
  for (const auto* name : {"z@b.test", "a@b.test", "m@a.test"}) add_mailbox(name);
  EXPECT_EQ(directory_.store().oldest_mailbox(nullptr).value()->address, address("z@b.test"));
  const Domain a = domain("a.test");
  EXPECT_EQ(directory_.store().oldest_mailbox(&a).value()->address, address("m@a.test"));
}

}  // namespace toast::vdomain
