#include "vdomain/maildir/quota_gate.h"

#include <set>

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

class QuotaTest : public MaildirTest {
 protected:
  QuotaTest() {
    keeper.emplace(root.path(), files, clock,
                   [this](const QuotaHolder& holder, vdomain::RoomState state, Usage used) {
                     constexpr std::string_view kStates[] = {" ample", " tight", " full"};
                     reports.push_back(holder.mailbox.str() +
                                       std::string(kStates[static_cast<std::size_t>(state)]) + " " +
                                       std::to_string(used.bytes));
                   });
  }
  Keeper::Outcome deliver(std::uint64_t message, std::uint64_t quota_bytes,
                          std::uint64_t quota_messages = 0) {
    DeliveryJob job = make_job(message);
    job.quota = {quota_bytes, quota_messages};
    return keeper->deliver(std::move(job));
  }
  std::string ledger() { return content_of(maildir + "/maildirsize"); }
  const std::uint64_t size = delivered_content().size();
  std::vector<std::string> reports;
};

TEST_F(QuotaTest, WithoutAQuotaThereIsNoLedger) {
  EXPECT_FALSE(deliver(1, 0).failed);
  EXPECT_FALSE(std::filesystem::exists(maildir + "/maildirsize"));
}

TEST_F(QuotaTest, DeliveriesAreCounted) {
  const std::string one = std::to_string(size) + " 1\n";
  EXPECT_FALSE(deliver(1, 10'000).failed);
  EXPECT_FALSE(deliver(2, 10'000).failed);
  EXPECT_EQ(ledger(), "10000S\n0 0\n" + one + one);
}

TEST_F(QuotaTest, OverQuotaIsTemporary422) {
  const std::uint64_t room_for_two = 2 * size;
  EXPECT_FALSE(deliver(1, room_for_two).failed);
  EXPECT_FALSE(deliver(2, room_for_two).failed);
  const Keeper::Outcome third = deliver(3, room_for_two);
  ASSERT_TRUE(third.failed);
  EXPECT_EQ(third.failed->failure, Failure::transient);
  EXPECT_TRUE(third.failed->reply.starts_with("4.2.2"));
  EXPECT_EQ(names("new").size(), 2U);
  EXPECT_EQ(names("tmp").size(), 0U);
  const std::string full = "ann@example.org full " + std::to_string(room_for_two);
  EXPECT_EQ(reports,
            (std::vector<std::string>{"ann@example.org tight 0",
                                      "ann@example.org tight " + std::to_string(size), full, full}))
      << "how much room there is, when it filled up, and at the refusal";
}

TEST_F(QuotaTest, CountOfMessagesIsALimitToo) {
  EXPECT_FALSE(deliver(1, 0, 1).failed);
  EXPECT_TRUE(deliver(2, 0, 1).failed);
}

// Another program removed messages and told nobody: counted before anything is refused.
TEST_F(QuotaTest, LedgerThatDriftedDoesNotRefuse) {
  const std::uint64_t room_for_two = 2 * size;
  for (std::uint64_t n = 1; n <= 2; ++n) ASSERT_FALSE(deliver(n, room_for_two).failed);
  for (const std::string& name : names("new")) std::filesystem::remove(maildir + "/new/" + name);
  EXPECT_FALSE(deliver(3, room_for_two).failed);
  EXPECT_EQ(names("new").size(), 1U);
}

TEST_F(QuotaTest, RoomIsReservedWhileOthersDeliver) {
  make_maildir(maildir);
  const Fd top = std::move(*open_file(maildir, O_RDONLY | O_DIRECTORY));
  const QuotaHolder holder{
      *Address::parse("ann@example.org"), *MaildirPath::parse("example.org/ann/Maildir"), {100, 0}};
  auto first = keeper->quota.reserve(top, holder, 60);
  ASSERT_TRUE(first);
  EXPECT_FALSE(keeper->quota.reserve(top, holder, 60));
  *first = {};  // given back
  EXPECT_TRUE(keeper->quota.reserve(top, holder, 60));
}

TEST_F(QuotaTest, RemovalMakesRoomAndSaysSo) {
  const std::uint64_t room_for_two = 2 * size;
  std::vector<std::string> delivered;
  for (std::uint64_t n = 1; n <= 2; ++n)
    delivered.push_back(deliver(n, room_for_two).result.file_name);
  const QuotaHolder holder{*Address::parse("ann@example.org"),
                           *MaildirPath::parse("example.org/ann/Maildir"),
                           {room_for_two, 0}};
  ASSERT_EQ(keeper->maildrops.remove(holder, delivered)->removed, 2U);
  ASSERT_GE(reports.size(), 2U);
  EXPECT_EQ(reports[reports.size() - 2], "ann@example.org full " + std::to_string(room_for_two));
  EXPECT_EQ(reports.back(), "ann@example.org tight 0");
  EXPECT_TRUE(ledger().ends_with("-" + std::to_string(2 * size) + " -2\n")) << ledger();
}

// What SIZE is compared with at RCPT: said when it shrinks by a good part, and at once when it
// grows.
TEST_F(QuotaTest, RoomIsReportedWhereAMessageMayNotFit) {
  make_maildir(maildir);
  const Fd top = std::move(*open_file(maildir, O_RDONLY | O_DIRECTORY));
  constexpr std::int64_t kQuota = 1'000'000;
  const QuotaHolder holder{*Address::parse("ann@example.org"),
                           *MaildirPath::parse("example.org/ann/Maildir"),
                           {kQuota, 0}};
  const auto after = [&](std::int64_t change) {
    reports.clear();
    keeper->quota.added(top, holder, {change, 0});
    return reports.empty() ? std::string() : reports.back();
  };
  (void)keeper->quota.reserve(top, holder, 1);
  EXPECT_EQ(after(100'000), "");                              // of 1 000 000
  EXPECT_EQ(after(100'000), "ann@example.org tight 200000");  // a fifth since the last report
  EXPECT_EQ(after(90'000), "");                               // of 800 000
  EXPECT_EQ(after(-50'000), "");                              // not below what was said
  EXPECT_EQ(after(-50'000), "ann@example.org tight 190000");
  clock.advance(kRemindAfter);
  EXPECT_EQ(after(0), "ann@example.org tight 190000");
  ASSERT_EQ(keeper->quota.to_look_at().size(), 1U);
  // With a quota beyond what any message takes nothing is said, until one is refused.
  QuotaHolder roomy = holder;
  roomy.quota.bytes = 2 * kRoomForAnyMail;
  reports.clear();
  (void)keeper->quota.reserve(top, roomy, 1);
  EXPECT_EQ(reports, std::vector<std::string>{"ann@example.org ample 0"});
  EXPECT_TRUE(keeper->quota.to_look_at().empty());
  EXPECT_FALSE(keeper->quota.reserve(top, roomy, 2 * kRoomForAnyMail + 1));
  EXPECT_EQ(reports.back(), "ann@example.org tight 0");
}

// Many that are short of room are looked at in turns.
TEST_F(QuotaTest, MailboxesShortOfRoomTakeTurns) {
  make_maildir(maildir);
  const Fd top = std::move(*open_file(maildir, O_RDONLY | O_DIRECTORY));
  std::set<std::string> seen;
  for (int n = 0; n < 250; ++n) {
    const std::string name = "u" + std::to_string(n);
    const QuotaHolder holder{*Address::parse(name + "@example.org"),
                             *MaildirPath::parse("example.org/" + name + "/Maildir"),
                             {1'000'000, 0}};
    (void)keeper->quota.reserve(top, holder, 1);
  }
  for (int round = 0; round < 3; ++round)
    for (const QuotaHolder& holder : keeper->quota.to_look_at()) seen.insert(holder.mailbox.str());
  EXPECT_EQ(seen.size(), 250U);
}

TEST_F(QuotaTest, RepeatedDeliveryIsCountedOnce) {
  EXPECT_FALSE(deliver(1, 10'000).failed);
  EXPECT_TRUE(deliver(1, 10'000).result.already_there);
  EXPECT_EQ(ledger(), "10000S\n" + std::to_string(size) + " 1\n") << "counted anew";
}

}  // namespace
}  // namespace toast::maildir
