// Messages are taken over into the journal on a disk whose calls fail in turn, and the machine goes
// down at the failure. What is promised: the next run completes it; nothing is lost, nothing that
// the old queue had done is done again, and nothing comes twice.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "mta/queue/journal_store.h"
#include "mta/queue/takeover_messages.h"
#include "tests/unit/queue/faulty_disk.h"
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

class TakeOverFaultsTest : public QueueTest {
 protected:
  TakeOverFaultsTest() {
    char name[] = "/tmp/toast-takeover-XXXXXX";
    directory_name_ = ::mkdtemp(name);
    journal_options_.low_water_bytes = 0;
    journal_options_.segment_bytes = 512 * 1024;
    journal_options_.max_inline_body = 16 * 1024;
  }
  ~TakeOverFaultsTest() override { std::filesystem::remove_all(directory_name_); }

  std::vector<MessageState> open_store() override {
    Result<std::unique_ptr<RealDisk>> real = RealDisk::open_directory(directory_name_);
    EXPECT_TRUE(real) << real.error().detail;
    disk_ = std::make_unique<FaultyDisk>(std::move(*real), faults_);
    Result<Journal::Opened> opened = Journal::open(*disk_, clock_, random_, journal_options_);
    EXPECT_TRUE(opened) << opened.error().detail;
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
  void SetUp() override {
    QueueTest::SetUp();
    toastctl_ = connect(queue_->admin_guest().dispatcher);
  }
  void TearDown() override {
    toastctl_->close("test");
    QueueTest::TearDown();
  }
  void crash() {
    toastctl_->close("crash");
    stop_queue();
    clock_.advance(std::chrono::seconds{1});  // ids are not made twice
    start_queue();
    toastctl_ = connect(queue_->admin_guest().dispatcher);
  }
  template <class Request>
  Result<typename Request::Reply> ask(Request request) {
    return wait_for(toastctl_->call(std::move(request)));
  }
  // It was deferred there, so there are several records.
  Result<void> take(std::uint64_t id, std::size_t bytes) {
    TakeOver head;
    head.id = MessageId(id);
    head.arrival_microseconds = unix_microseconds(born_);
    head.reverse_path = "bob@example.org";
    Result<TakeOver::Reply> reply = ask(std::move(head));
    if (!reply) return pass(reply);
    if (reply->verdict == TakeOver::Verdict::wanted) {
      TakenRecipient waits(address("ann@example.org"));
      waits.progress = {Fate::pending, 2, 0, "4.2.2 over quota"};
      Result<ipc::Done> done = ask(TakeOverRecipients{{waits}});
      const std::string content = "Subject: x\n\n" + std::string(bytes, 'x') + "\n";
      for (std::size_t at = 0; done && at < content.size(); at += kMaxChunk)
        done = ask(TakeOverChunk{content.substr(at, kMaxChunk)});
      if (done) done = ask(TakeOverEnd{});
      if (!done) return pass(done);
    } else {
      EXPECT_EQ(reply->verdict, TakeOver::Verdict::is_here);
    }
    Result<ipc::Done> confirmed = ask(TakeOverConfirm{MessageId(id)});
    if (confirmed) confirmed = ask(TakeOverSettle{});
    if (!confirmed) return pass(confirmed);
    return {};
  }

  WallTime born_;
  std::string directory_name_;
  Faults faults_;
  SeededRandom random_{7};
  JournalOptions journal_options_;
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<JournalStore> journal_store_;
  std::shared_ptr<ipc::Channel> toastctl_;
};

TEST_F(TakeOverFaultsTest, AnyCallMayFail) {
  std::uint64_t id = 0;
  int refused = 0;
  for (const std::size_t bytes : {std::size_t{10}, std::size_t{40'000}}) {
    for (const Fault& fault : kFaults) {
      for (int n = 1;; ++n) {
        SCOPED_TRACE(testing::Message() << bytes << " bytes, call " << n << ": " << fault.name);
        ASSERT_LT(n, 100);
        ++id;
        born_ = clock_.wall() - std::chrono::minutes{20};
        faults_.arm(fault, n);
        const Result<void> first = take(id, bytes);
        const bool hit = faults_.hits() > 0;
        faults_.disarm();
        if (!first) {
          ++refused;
          EXPECT_TRUE(hit);
          EXPECT_EQ(first.error().failure, Failure::transient) << "not the message's fault";
        }
        if (hit) crash();
        // Its line is on no list: it comes again, unless it had its Done.
        if (!first) ASSERT_TRUE(take(id, bytes));
        run_until_quiet();
        // What could not be read just then was deferred.
        for (int i = 0; i < 3 && !queue_->ledger().messages().empty(); ++i)
          advance(std::chrono::minutes{30});
        ASSERT_EQ(maild_.in("ann@example.org").size(), id);
        EXPECT_EQ(maild_.in("ann@example.org").back().content.size(), bytes + 13);
        ASSERT_TRUE(queue_->ledger().messages().empty());
        if (!hit) break;
      }
    }
  }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace toast::queue
