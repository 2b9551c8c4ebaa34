// The queue over the real journal on a real disk: what it holds survives, and is finished later.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "mta/queue/journal_store.h"
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class QueueJournalTest : public QueueTest {
 protected:
  QueueJournalTest() {
    char name[] = "/tmp/toast-queue-XXXXXX";
    directory_name_ = ::mkdtemp(name);
    journal_options_.segment_bytes = 16 * 1024 * 1024;
    journal_options_.low_water_bytes = 0;
  }
  ~QueueJournalTest() override { std::filesystem::remove_all(directory_name_); }

  std::vector<MessageState> open_store() override {
    Result<std::unique_ptr<RealDisk>> disk = RealDisk::open_directory(directory_name_);
    EXPECT_TRUE(disk) << disk.error().detail;
    disk_ = std::move(*disk);
    Result<Journal::Opened> opened = Journal::open(*disk_, clock_, random_, journal_options_);
    EXPECT_TRUE(opened) << opened.error().detail;
    EXPECT_THAT(opened->report.damage, testing::IsEmpty());
    newest_id_ = opened->journal->newest_id();
    journal_store_ = std::make_unique<JournalStore>(*disk_, std::move(opened->journal),
                                                    journal_options_.max_inline_body);
    store_in_use_ = journal_store_.get();
    return std::move(opened->live);
  }
  void close_store() override {
    journal_store_.reset();
    disk_.reset();
  }
  std::uint64_t live_messages() const { return journal_store_->status().live_messages; }

  std::string directory_name_;
  SeededRandom random_{7};
  JournalOptions journal_options_;
  std::unique_ptr<RealDisk> disk_;
  std::unique_ptr<JournalStore> journal_store_;
};

TEST_F(QueueJournalTest, TheEventStoreInItsDirectoryIsNotTheJournalsBusiness) {
  std::filesystem::create_directory(directory_name_ + "/trace");
  std::ofstream(directory_name_ + "/trace/trace.0000000000000001") << "anything";
  restart_queue();  // finds no damage
  EXPECT_TRUE(std::filesystem::exists(directory_name_ + "/trace/trace.0000000000000001"));
}

TEST_F(QueueJournalTest, DeliversAndIsEmptyAfterwards) {
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org", "bob@example.org"}));
  run_until_quiet();
  EXPECT_EQ(live_messages(), 0U);
  restart_queue();
  EXPECT_TRUE(queue_->ledger().messages().empty());
  EXPECT_EQ(maild_.files.size(), 2U);
}

TEST_F(QueueJournalTest, EverythingThatWaitsIsThereAfterARestart) {
  maild_.error = Error{Failure::transient, "4.2.2 the mailbox is full", ""};
  directory_.table["alias@example.org"] = {vdomain::Forward{address("ann@example.org")}};
  const std::string large = "Subject: big\n\n" + std::string(900 * 1024, 'b') + "\n";
  ASSERT_TRUE(submit("s@client.test", {"ann@example.org"}, "small\n"));
  ASSERT_TRUE(submit("s@client.test", {"bob@example.org"}, large));
  ASSERT_TRUE(submit("s@client.test", {"alias@example.org"}, "Subject: f\n\nforwarded\n"));
  ASSERT_TRUE(submit("s@client.test", {"alias@example.org"}, large));
  run_until_quiet();
  for (int i = 0; i < 3; ++i) restart_queue();
  EXPECT_EQ(queue_->ledger().messages().size(), 4U);
  maild_.error.reset();
  advance(seconds{100});
  std::vector<std::string> ann;
  for (const auto& file : maild_.in("ann@example.org")) ann.push_back(file.content);
  EXPECT_THAT(ann, testing::UnorderedElementsAre(
                       "small\n", "Delivered-To: alias@example.org\nSubject: f\n\nforwarded\n",
                       "Delivered-To: alias@example.org\n" + large));
  ASSERT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_TRUE(maild_.in("bob@example.org")[0].content == large);
  EXPECT_EQ(live_messages(), 0U);
  for (const auto& entry : std::filesystem::directory_iterator(directory_name_))
    EXPECT_THAT(entry.path().filename().string(), testing::Not(HasSubstr("blob.")));
}

TEST_F(QueueJournalTest, FrozenStepsAndBouncesSurvive) {
  directory_.table["team@example.org"] = {
      vdomain::DeliverMaildir{address("ann@example.org"), "maildir/ann@example.org", {}},
      vdomain::Refuse{"5.7.1 closed"},
      vdomain::DeliverMaildir{address("bob@example.org"), "maildir/bob@example.org", {}}};
  maild_.errors["maildir/bob@example.org"] = Error{Failure::transient, "4.2.2 full", ""};
  ASSERT_TRUE(submit("postmaster@example.org", {"team@example.org"}));
  run_until_quiet();
  restart_queue();
  maild_.errors.clear();
  advance(seconds{100});
  EXPECT_EQ(maild_.in("ann@example.org").size(), 1U);
  EXPECT_EQ(maild_.in("bob@example.org").size(), 1U);
  EXPECT_EQ(maild_.repetitions, 0);
  ASSERT_EQ(maild_.in("postmaster@example.org").size(), 1U);
  EXPECT_THAT(maild_.in("postmaster@example.org")[0].content,
              HasSubstr("<team@example.org>:\nclosed (#5.7.1)\n"));
  EXPECT_EQ(live_messages(), 0U);
}

TEST_F(QueueJournalTest, ThousandsOfMessagesThroughRestarts) {
  for (int round = 0; round < 3; ++round) {
    int answered = 0;
    for (int i = 0; i < 500; ++i) {
      SubmitBegin begin;
      begin.submission = ++submission_;
      begin.id = next_id();
      begin.reverse_path = address("s@client.test");
      begin.recipients.push_back(
          {address(i % 2 == 0 ? "ann@example.org" : "bob@example.org"), 0, {}});
      smtpd_->notify(std::move(begin));
      asio::co_spawn(io_, send_body(submission_, "message " + std::to_string(i) + "\n"),
                     [&answered](std::exception_ptr, Result<ipc::Done> r) {
                       if (r) ++answered;
                     });
    }
    ASSERT_TRUE(run_until([&answered] { return answered == 500; }));
    restart_queue();  // in the middle of the deliveries
  }
  run_until_quiet();
  EXPECT_EQ(maild_.files.size(), 1500U);
  EXPECT_EQ(live_messages(), 0U);
}

}  // namespace
}  // namespace toast::queue
