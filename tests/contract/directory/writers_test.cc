// What holds for every change: the record, the generation, and two writers at once.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "tests/contract/directory/back_ends.h"

namespace toast::vdomain {

using Status = Change::Status;

TEST_P(DirectoryContract, EachChangeIsOnTheRecordWithItsTransaction) {
  add_domain("example.org");
  add_mailbox("ann@example.org");
  Mailbox ann = *directory_.find_mailbox(address("ann@example.org")).value();
  ann.services.imap = false;
  clock_.advance(std::chrono::seconds{5});
  directory_.set_mailbox(ann, actor_).value();
  const auto entries = directory_.audit("ann@example.org", 10).value();
  ASSERT_EQ(entries.size(), 2U);
  const AuditEntry& set = entries[0];  // newest first
  EXPECT_EQ(set.action, "mailbox.set");
  EXPECT_EQ(set.actor.name, "uid 0 (root)");
  EXPECT_EQ(set.actor.source, "cli");
  EXPECT_EQ(set.at, clock_.wall());
  EXPECT_NE(set.before->find("\"imap\":true"), std::string::npos) << *set.before;
  EXPECT_NE(set.after->find("\"imap\":false"), std::string::npos) << *set.after;
  EXPECT_EQ(entries[1].action, "mailbox.add");
  EXPECT_FALSE(entries[1].before);
  EXPECT_EQ(directory_.audit("", 2).value().size(), 2U);
  EXPECT_EQ(directory_.audit("", 10).value().size(), 3U);
}

TEST_P(DirectoryContract, WhatChangesNothingLeavesNoTrace) {
  add_domain("example.org");
  const auto before = directory_.generation().value();
  EXPECT_EQ(add_domain("example.org"), Status::unchanged);
  EXPECT_EQ(add_mailbox("ann@nowhere.test"), Status::not_found);
  EXPECT_EQ(add_alias("a@example.org", {}), Status::invalid);
  EXPECT_EQ(directory_.generation().value(), before);
  EXPECT_EQ(directory_.audit("", 10).value().size(), 1U);
}

TEST_P(DirectoryContract, OtherChangesCanBePutOnTheRecord) {
  ASSERT_TRUE(directory_.record("mailbox.passwd", "ann@example.org", actor_));
  const auto entries = directory_.audit("ann@example.org", 10).value();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].action, "mailbox.passwd");
  EXPECT_FALSE(entries[0].after);
}

TEST_P(DirectoryContract, AnotherOpenDirectorySeesTheChangeAndItsGeneration) {
  DirectoryRepository reader = open();
  const auto before = reader.generation().value();
  EXPECT_FALSE(reader.find_domain(domain("example.org")).value());
  add_domain("example.org");
  EXPECT_TRUE(reader.find_domain(domain("example.org")).value());
  EXPECT_GT(reader.generation().value(), before);
}

TEST_P(DirectoryContract, ManyWritersAtOnceKeepALimit) {
  constexpr int kWriters = 4;
  constexpr int kTries = 8;
  constexpr int kRoom = 20;  // of 32
  HostedDomain d = hosted("example.org");
  d.limits.mailboxes = kRoom;
  directory_.add_domain(d, actor_).value();
  const auto before = directory_.generation().value();
  std::vector<DirectoryRepository> writers;
  for (int w = 0; w < kWriters; ++w) writers.push_back(open());
  std::atomic<int> added{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w)
    threads.emplace_back([&, w] {
      for (int i = 0; i < kTries; ++i) {
        const std::string name = fmt::format("u{}.{}@example.org", w, i);
        const auto change =
            writers[static_cast<std::size_t>(w)].add_mailbox({.address = address(name)}, actor_);
        ASSERT_TRUE(change) << change.error().detail;
        if (change->status == Status::changed) ++added;
        if (change->status == Status::limit_reached) ++refused;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(added, kRoom);
  EXPECT_EQ(refused, kWriters * kTries - kRoom);
  EXPECT_EQ(directory_.counts(domain("example.org")).value().mailboxes, std::size_t{kRoom});
  EXPECT_EQ(directory_.generation().value(), before + kRoom);
}

TEST_P(DirectoryContract, AnAbandonedTransactionLeavesNothing) {
  {
    auto transaction = directory_.store().begin().value();
    ASSERT_TRUE(transaction->insert_domain(hosted("example.org")));
    EXPECT_TRUE(directory_.find_domain(domain("example.org")).value());  // we see our own
  }
  EXPECT_FALSE(directory_.find_domain(domain("example.org")).value());
  EXPECT_EQ(add_domain("example.org"), Status::changed);
}

}  // namespace toast::vdomain
