// Many mailboxes at once, and listings over many domains.
#include <fmt/format.h>

#include "tests/contract/directory/back_ends.h"

namespace toast::vdomain {

using Status = Change::Status;

namespace {

const DirectoryRepository::BeforeCommit kNothingBefore = [](const BatchChange&) {
  return Result<void>{};
};

MailboxBatch batch_of(const std::vector<std::string>& names, bool add_domains = false) {
  MailboxBatch batch{.mailboxes = {}, .add_domains = add_domains};
  for (const std::string& name : names) batch.mailboxes.push_back({.address = address(name)});
  return batch;
}

std::vector<Status> statuses(const BatchChange& change) {
  std::vector<Status> all;
  for (const Change& one : change.changes) all.push_back(one.status);
  return all;
}

}  // namespace

TEST_P(DirectoryContract, OfABatchEachIsJudgedAlone) {
  HostedDomain d = hosted("example.org");
  d.limits.mailboxes = 3;
  d.default_quota = {5000, 0};
  directory_.add_domain(d, actor_).value();
  directory_.add_domain_alias(domain("example.net"), domain("example.org"), actor_).value();
  add_mailbox("old@example.org");
  MailboxBatch batch = batch_of({"Ann@example.org", "old@example.org", "ann@example.net",
                                 "bob@elsewhere.org", "ben@example.net", "full@example.org"});
  batch.mailboxes.push_back({.address = address("old@example.org"), .quota = Quota{1, 0}});
  const BatchChange done = directory_.add_mailboxes(batch, actor_, kNothingBefore).value();
  EXPECT_EQ(statuses(done),
            (std::vector{Status::changed, Status::unchanged, Status::unchanged, Status::not_found,
                         Status::changed, Status::limit_reached, Status::conflict}));
  EXPECT_TRUE(done.domains.empty());
  EXPECT_EQ(directory_.counts(domain("example.org")).value().mailboxes, 3U);
  EXPECT_EQ(directory_.find_mailbox(address("ben@example.org")).value()->quota, (Quota{5000, 0}));
  const auto written = directory_.audit("ann@example.org", 10).value();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].action, "mailbox.add");
  // Again: nothing more.
  const auto again =
      directory_.add_mailboxes(batch_of({"ann@example.org"}), actor_, kNothingBefore);
  EXPECT_EQ(statuses(again.value()), std::vector{Status::unchanged});
}

TEST_P(DirectoryContract, ABatchAddsTheDomainsItNeeds) {
  const BatchChange done =
      directory_
          .add_mailboxes(
              batch_of({"a@one.test", "b@one.test", "a@two.test", "a@[192.0.2.1]"}, true), actor_,
              kNothingBefore)
          .value();
  EXPECT_EQ(statuses(done),
            (std::vector{Status::changed, Status::changed, Status::changed, Status::invalid}));
  EXPECT_EQ(done.domains, (std::vector{domain("one.test"), domain("two.test")}));
  EXPECT_EQ(directory_.counts(domain("one.test")).value().mailboxes, 2U);
  EXPECT_EQ(directory_.audit("two.test", 10).value().size(), 1U);
}

TEST_P(DirectoryContract, WhatFailsBeforeTheCommitLeavesNothing) {
  add_domain("example.org");
  const auto before = directory_.generation().value();
  BatchChange seen;
  const auto failing = [&](const BatchChange& change) -> Result<void> {
    seen = change;
    return transient("the credentials are away");
  };
  const auto done = directory_.add_mailboxes(batch_of({"ann@example.org"}), actor_, failing);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().detail, "the credentials are away");
  EXPECT_EQ(statuses(seen), std::vector{Status::changed});
  EXPECT_FALSE(directory_.find_mailbox(address("ann@example.org")).value());
  EXPECT_EQ(directory_.generation().value(), before);
  EXPECT_EQ(add_mailbox("ann@example.org"), Status::changed);  // no lock is left behind
}

// A page that begins and ends in the middle of a domain, over domains with nothing in them.
TEST_P(DirectoryContract, PagesGoOnWhereTheyEnded) {
  std::vector<std::string> names;
  for (int d = 0; d < 40; ++d) {
    add_domain(fmt::format("d{:02}.test", d));
    for (int m = 0; m < d % 4; ++m) names.push_back(fmt::format("u{}@d{:02}.test", m, d));
  }
  directory_.add_mailboxes(batch_of(names), actor_, kNothingBefore).value();
  for (const std::size_t limit : {1UL, 7UL, 1000UL}) {
    SCOPED_TRACE(limit);
    std::vector<std::string> seen;
    ListQuery query{.limit = limit};
    do {
      const auto page = directory_.list_mailboxes(query).value();
      EXPECT_LE(page.items.size(), limit);
      for (const Mailbox& m : page.items) seen.push_back(m.address.str());
      query.after = page.next;
    } while (!query.after.empty());
    EXPECT_EQ(seen, names);
  }
  // A cursor of a mailbox that is gone, of a domain that is gone, and behind all.
  const auto first = [&](std::string after) {
    const auto page = directory_.list_mailboxes({.after = std::move(after), .limit = 1}).value();
    return page.items.empty() ? std::string() : page.items.front().address.str();
  };
  EXPECT_EQ(first("u0a@d03.test"), "u1@d03.test");
  EXPECT_EQ(first("u@d04a.test"), "u0@d05.test");
  EXPECT_EQ(first("zoe@d39.test"), "");
}

}  // namespace toast::vdomain
