// Limits of a domain and of an owner over several, for every writer and for two at once.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "tests/contract/directory/back_ends.h"

namespace toast::vdomain {

using Status = Change::Status;

namespace {

constexpr std::uint64_t kGiB = 1ULL << 30U;

NewMailbox with_quota(std::string_view name, std::uint64_t bytes, std::uint64_t messages = 0) {
  return {.address = address(name),
          .display_name = {},
          .quota = Quota{bytes, messages},
          .services = {}};
}

}  // namespace

TEST_P(DirectoryContract, TheRoomThatADomainGivesIsLimited) {
  HostedDomain d = hosted("example.org");
  d.limits.disk_bytes = 10 * kGiB;
  d.limits.disk_messages = 1000;
  directory_.add_domain(d, actor_).value();
  const auto add = [&](std::string_view name, std::uint64_t bytes, std::uint64_t messages) {
    return directory_.add_mailbox(with_quota(name, bytes, messages), actor_);
  };
  EXPECT_EQ(status_of(add("ann@example.org", 6 * kGiB, 500)), Status::changed);
  const auto unlimited = add("bob@example.org", 0, 100);
  EXPECT_EQ(status_of(unlimited), Status::limit_reached);
  EXPECT_NE(unlimited->message.find("--quota"), std::string::npos) << unlimited->message;
  EXPECT_EQ(status_of(add("bob@example.org", kGiB, 0)), Status::limit_reached);
  const auto large = add("bob@example.org", 5 * kGiB, 100);
  EXPECT_EQ(status_of(large), Status::limit_reached);
  EXPECT_EQ(large->message,
            "example.org may give its mailboxes 10737418240 bytes in all, and 6442450944 are given "
            "to others: a quota of 5368709120 does not fit; make it smaller or raise the limit "
            "(toastctl domain set example.org --max-disk N)");
  EXPECT_EQ(status_of(add("bob@example.org", 4 * kGiB, 501)), Status::limit_reached);
  EXPECT_EQ(status_of(add("bob@example.org", 4 * kGiB, 500)), Status::changed);
  const DomainUse use = directory_.use_of(domain("example.org")).value();
  EXPECT_EQ(use.room.bytes, 10 * kGiB);
  EXPECT_EQ(use.room.messages, 1000U);

  Mailbox bob = *directory_.find_mailbox(address("bob@example.org")).value();
  bob.quota.bytes = 4 * kGiB + 1;
  EXPECT_EQ(status_of(directory_.set_mailbox(bob, actor_)), Status::limit_reached);
  bob.quota.bytes = 0;
  EXPECT_EQ(status_of(directory_.set_mailbox(bob, actor_)), Status::limit_reached);
  bob.quota.bytes = 3 * kGiB;
  EXPECT_EQ(status_of(directory_.set_mailbox(bob, actor_)), Status::changed);
  directory_.remove_mailbox(address("ann@example.org"), actor_).value();
  EXPECT_EQ(status_of(add("carl@example.org", 7 * kGiB, 1)), Status::changed);
}

TEST_P(DirectoryContract, AQuotaMayShrinkWhereTheLimitIsBelowWhatIsGiven) {
  add_domain("example.org");
  directory_.add_mailbox(with_quota("ann@example.org", 8 * kGiB), actor_).value();
  HostedDomain d = *directory_.find_domain(domain("example.org")).value();
  d.limits.disk_bytes = kGiB;
  EXPECT_EQ(status_of(directory_.set_domain(d, actor_)), Status::changed);
  Mailbox ann = *directory_.find_mailbox(address("ann@example.org")).value();
  ann.quota.bytes = 4 * kGiB;
  EXPECT_EQ(status_of(directory_.set_mailbox(ann, actor_)), Status::changed);
}

TEST_P(DirectoryContract, ALimitOnRoomNeedsQuotasEverywhere) {
  add_domain("example.org");
  add_mailbox("ann@example.org");
  HostedDomain d = *directory_.find_domain(domain("example.org")).value();
  d.limits.disk_bytes = kGiB;
  const auto change = directory_.set_domain(d, actor_);
  EXPECT_EQ(status_of(change), Status::invalid);
  EXPECT_NE(change->message.find("1 of its mailboxes have no quota"), std::string::npos);
}

TEST_P(DirectoryContract, AnOwnerIsFoundAsItWasAdded) {
  DomainOwner wanted{.name = "acme", .limits = {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(status_of(directory_.add_owner(wanted, actor_)), Status::changed);
  EXPECT_EQ(status_of(directory_.add_owner(wanted, actor_)), Status::unchanged);
  wanted.created = clock_.wall();
  wanted.version = 1;
  EXPECT_EQ(directory_.find_owner("acme").value(), wanted);
  wanted.limits.mailboxes = 9;
  EXPECT_EQ(status_of(directory_.add_owner(wanted, actor_)), Status::conflict);
  EXPECT_EQ(status_of(directory_.set_owner(wanted, actor_)), Status::changed);
  EXPECT_EQ(status_of(directory_.set_owner(wanted, actor_)), Status::unchanged);
  wanted.limits.mailboxes = 10;
  EXPECT_EQ(status_of(directory_.set_owner(wanted, actor_)), Status::conflict);  // an old version
  for (const std::string_view bad : {"", "Acme", "a b", "none"})
    EXPECT_EQ(status_of(directory_.add_owner({.name = std::string(bad)}, actor_)), Status::invalid);
  directory_.add_owner({.name = "zeta"}, actor_).value();
  const auto page = directory_.list_owners({.domain = {}, .match = {}, .after = {}, .limit = 1});
  EXPECT_EQ(page.value().items.size(), 1U);
  EXPECT_EQ(page.value().next, "acme");
  EXPECT_EQ(status_of(directory_.remove_owner("zeta", actor_)), Status::changed);
  EXPECT_EQ(status_of(directory_.remove_owner("zeta", actor_)), Status::not_found);
}

TEST_P(DirectoryContract, AnOwnersLimitsHoldOverAllItsDomains) {
  DomainOwner acme{.name = "acme", .limits = {}};
  acme.limits.domains = 2;
  acme.limits.mailboxes = 3;
  acme.limits.aliases = 1;
  acme.limits.disk_bytes = 4 * kGiB;
  directory_.add_owner(acme, actor_).value();
  const auto own = [&](std::string_view name) {
    HostedDomain d = hosted(name);
    d.owner = "acme";
    d.default_quota.bytes = kGiB;
    return status_of(directory_.add_domain(d, actor_));
  };
  HostedDomain stranger = hosted("x.test");
  stranger.owner = "nobody";
  EXPECT_EQ(status_of(directory_.add_domain(stranger, actor_)), Status::invalid);
  EXPECT_EQ(own("a.test"), Status::changed);
  EXPECT_EQ(own("b.test"), Status::changed);
  EXPECT_EQ(own("c.test"), Status::limit_reached);
  EXPECT_EQ(directory_.find_domain(domain("a.test")).value()->owner, "acme");
  EXPECT_EQ(add_mailbox("ann@a.test"), Status::changed);
  EXPECT_EQ(add_mailbox("ann@b.test"), Status::changed);
  EXPECT_EQ(status_of(directory_.add_mailbox(with_quota("carl@b.test", 3 * kGiB), actor_)),
            Status::limit_reached);
  EXPECT_EQ(add_mailbox("bob@b.test"), Status::changed);
  const auto full = directory_.add_mailbox({.address = address("carl@a.test")}, actor_);
  EXPECT_EQ(status_of(full), Status::limit_reached);
  EXPECT_EQ(
      full->message,
      "owner acme has its 3 mailboxes: delete one or raise the limit (toastctl owner set acme "
      "--max-mailboxes N)");
  EXPECT_EQ(add_alias("x@a.test", {"ann@a.test"}), Status::changed);
  EXPECT_EQ(add_alias("x@b.test", {"ann@b.test"}), Status::limit_reached);
  const OwnerUse use = directory_.use_of_owner("acme").value();
  EXPECT_EQ(use.counts.domains, 2U);
  EXPECT_EQ(use.counts.mailboxes, 3U);
  EXPECT_EQ(use.counts.aliases, 1U);
  EXPECT_EQ(use.room.bytes, 3 * kGiB);
  EXPECT_EQ(status_of(directory_.remove_owner("acme", actor_)), Status::conflict);
}

TEST_P(DirectoryContract, ADomainComesToAnOwnerWithAllThatIsInIt) {
  DomainOwner acme{.name = "acme", .limits = {}};
  acme.limits.mailboxes = 2;
  acme.limits.disk_bytes = 2 * kGiB;
  directory_.add_owner(acme, actor_).value();
  add_domain("example.org");
  for (const std::string_view name : {"a@example.org", "b@example.org", "c@example.org"})
    directory_.add_mailbox(with_quota(name, kGiB), actor_).value();
  const auto give = [&] {
    HostedDomain d = *directory_.find_domain(domain("example.org")).value();
    d.owner = "acme";
    return status_of(directory_.set_domain(d, actor_));
  };
  EXPECT_EQ(give(), Status::limit_reached);
  directory_.remove_mailbox(address("c@example.org"), actor_).value();
  EXPECT_EQ(give(), Status::changed);
  EXPECT_EQ(give(), Status::unchanged);
  EXPECT_EQ(add_mailbox("d@example.org"), Status::limit_reached);
  HostedDomain d = *directory_.find_domain(domain("example.org")).value();
  d.owner = std::nullopt;
  EXPECT_EQ(status_of(directory_.set_domain(d, actor_)), Status::changed);
  EXPECT_EQ(add_mailbox("d@example.org"), Status::changed);
}

// Two writers, each in its own domain of the same owner, race for the last places of all kinds.
TEST_P(DirectoryContract, WritersInTwoDomainsOfAnOwnerKeepItsLimits) {
  constexpr int kTries = 8;
  constexpr int kPlaces = 9;  // of 16
  DomainOwner acme{.name = "acme", .limits = {}};
  acme.limits.mailboxes = 100;
  acme.limits.disk_bytes = kPlaces * kGiB;
  directory_.add_owner(acme, actor_).value();
  for (const std::string_view name : {"a.test", "b.test"}) {
    HostedDomain d = hosted(name);
    d.owner = "acme";
    d.default_quota.bytes = kGiB;
    directory_.add_domain(d, actor_).value();
  }
  std::atomic<int> added{0};
  const auto write = [&](DirectoryRepository& writer, std::string_view in) {
    for (int i = 0; i < kTries; ++i) {
      const auto change =
          writer.add_mailbox({.address = address(fmt::format("u{}@{}", i, in))}, actor_);
      ASSERT_TRUE(change) << change.error().detail;
      if (change->status == Status::changed) ++added;
    }
  };
  DirectoryRepository first = open();
  DirectoryRepository second = open();
  std::thread other([&] { write(second, "b.test"); });
  write(first, "a.test");
  other.join();
  EXPECT_EQ(added, kPlaces);
  EXPECT_EQ(directory_.use_of_owner("acme").value().room.bytes, kPlaces * kGiB);
}

TEST_P(DirectoryContract, AVacationIsKeptWithItsMailbox) {
  add_domain("example.org");
  add_mailbox("ann@example.org");
  directory_.add_domain_alias(domain("example.net"), domain("example.org"), actor_).value();
  EXPECT_FALSE(directory_.find_mailbox(address("ann@example.org")).value()->has_vacation);
  Vacation wanted{.mailbox = address("Ann@example.net"),
                  .subject = "Bin weg: \u00fc",
                  .text = "Zur\u00fcck am 7.\n"};
  wanted.begins = clock_.wall();
  wanted.ends = clock_.wall() + std::chrono::hours{24};
  wanted.days = 3;
  wanted.only_if_named = false;
  EXPECT_EQ(status_of(directory_.set_vacation(wanted, actor_)), Status::changed);
  EXPECT_EQ(status_of(directory_.set_vacation(wanted, actor_)), Status::unchanged);
  wanted.mailbox = address("ann@example.org");
  wanted.created = clock_.wall();
  wanted.version = 1;
  EXPECT_EQ(directory_.find_vacation(address("ann@example.net")).value(), wanted);
  EXPECT_TRUE(directory_.find_mailbox(address("ann@example.org")).value()->has_vacation);
  wanted.text = "Later.\n";
  wanted.ends = std::nullopt;
  EXPECT_EQ(status_of(directory_.set_vacation(wanted, actor_)), Status::changed);
  EXPECT_EQ(directory_.find_vacation(address("ann@example.org")).value()->version, 2U);
  EXPECT_EQ(status_of(directory_.clear_vacation(address("ann@example.org"), actor_)),
            Status::changed);
  EXPECT_EQ(status_of(directory_.clear_vacation(address("ann@example.org"), actor_)),
            Status::unchanged);
  directory_.set_vacation(wanted, actor_).value();
  EXPECT_EQ(status_of(directory_.remove_mailbox(address("ann@example.org"), actor_)),
            Status::changed);
  EXPECT_FALSE(directory_.find_vacation(address("ann@example.org")).value());
  EXPECT_EQ(status_of(directory_.set_vacation(wanted, actor_)), Status::not_found);
}

TEST_P(DirectoryContract, WhatNoVacationShouldSayIsRefused) {
  add_domain("example.org");
  add_mailbox("ann@example.org");
  const Vacation good{.mailbox = address("ann@example.org"), .subject = {}, .text = "Away.\n"};
  const auto status = [&](auto spoil) {
    Vacation bad = good;
    spoil(bad);
    return status_of(directory_.set_vacation(bad, actor_));
  };
  EXPECT_EQ(status([](Vacation& v) { v.text.clear(); }), Status::invalid);
  EXPECT_EQ(status([](Vacation& v) { v.text = std::string(kMaxVacationText + 1, 'x'); }),
            Status::invalid);
  EXPECT_EQ(status([](Vacation& v) { v.text = "\xff\xfe"; }), Status::invalid);
  EXPECT_EQ(status([](Vacation& v) { v.subject = "a\r\nBcc: everybody@example.org"; }),
            Status::invalid);
  EXPECT_EQ(status([](Vacation& v) { v.days = 0; }), Status::invalid);
  EXPECT_EQ(status([](Vacation& v) {
              v.begins = WallTime{std::chrono::hours{2}};
              v.ends = WallTime{std::chrono::hours{1}};
            }),
            Status::invalid);
  HostedDomain served = hosted("lmtp.test");
  served.lmtp = NextHop::parse_lmtp("/run/dovecot/lmtp").value();
  directory_.add_domain(served, actor_).value();
  add_mailbox("ann@lmtp.test");
  EXPECT_EQ(status([](Vacation& v) { v.mailbox = address("ann@lmtp.test"); }), Status::invalid);
}

}  // namespace toast::vdomain
