// The queue of a dead node is read whole, and not one byte of it changes.
#include "mta/queue/journal/overlay_disk.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "mta/queue/journal/journal.h"

namespace toast::queue {
namespace {

namespace fs = std::filesystem;

class OverlayDiskTest : public testing::Test {
 protected:
  OverlayDiskTest() {
    char name[] = "/tmp/toast-overlay-XXXXXX";
    directory_ = ::mkdtemp(name);
    options_.segment_bytes = 256 * 1024;
    options_.max_inline_body = 16 * 1024;
  }
  ~OverlayDiskTest() override { fs::remove_all(directory_); }

  static Accepted message(std::uint64_t id, NewBody body) {
    Accepted accepted;
    accepted.id = MessageId(id);
    Envelope envelope;
    envelope.recipients.push_back({"ann@example.org", {}, {}, 0});
    envelope.recipients.push_back({"bob@example.org", {}, {}, 0});
    accepted.envelope = envelope;
    accepted.body = std::move(body);
    return accepted;
  }
  // Two messages that wait, one with a delivered recipient, one with a large body; one is finished.
  void fill() {
    Result<std::unique_ptr<RealDisk>> disk = RealDisk::open_directory(directory_);
    ASSERT_TRUE(disk);
    Result<Journal::Opened> opened = Journal::open(**disk, clock_, random_, options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    Journal& journal = *opened->journal;
    Result<BlobWriter> blob = journal.create_blob(MessageId(3));
    ASSERT_TRUE(blob && blob->append("large\n") && blob->finish());
    std::vector<Record> batch;
    batch.emplace_back(message(1, InlineBody{"one\n"}));
    batch.emplace_back(message(2, InlineBody{"two\n"}));
    batch.emplace_back(message(3, BlobBody{6}));
    batch.emplace_back(Outcome{MessageId(1), Target{1, kWholeRecipient}, Fate::delivered, "ok"});
    batch.emplace_back(Finished{MessageId(2)});
    ASSERT_TRUE(journal.commit(batch));
  }
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      std::ifstream file(entry.path(), std::ios::binary);
      all[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return all;
  }

  std::string directory_;
  FakeClock clock_;
  SeededRandom random_{1};
  JournalOptions options_;
};

TEST_F(OverlayDiskTest, ReadsWithoutWriting) {
  fill();
  std::ofstream(directory_ + "/spare.half.tmp") << "recovery removes it";
  const auto before = contents();
  {
    Result<std::unique_ptr<OverlayDisk>> disk = OverlayDisk::open_directory(directory_);
    ASSERT_TRUE(disk) << disk.error().detail;
    Result<Journal::Opened> opened = Journal::open(**disk, clock_, random_, options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    ASSERT_EQ(opened->live.size(), 2U);
    EXPECT_EQ(opened->live[0].recipients[1]->whole.fate, Fate::delivered);
    EXPECT_EQ(opened->journal->read_body(MessageId(1))->bytes, "one\n");
    Result<StoredBody> large = opened->journal->read_body(MessageId(3));
    ASSERT_TRUE(large && large->blob);
    EXPECT_EQ(*read_all(large->blob, 100, "blob"), "large\n");
    EXPECT_FALSE(RealDisk::open_directory(directory_)) << "nobody may start this queue meanwhile";
    // Even what nobody does here stays in memory.
    std::vector<Record> batch;
    batch.emplace_back(Finished{MessageId(1)});
    EXPECT_TRUE(opened->journal->commit(batch));
    while (opened->journal->maintain()) {
    }
  }
  EXPECT_EQ(contents(), before);
}

TEST_F(OverlayDiskTest, NotOfANodeThatLives) {
  fill();
  Result<std::unique_ptr<RealDisk>> alive = RealDisk::open_directory(directory_);
  const Result<std::unique_ptr<OverlayDisk>> refused = OverlayDisk::open_directory(directory_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::transient);
}

TEST_F(OverlayDiskTest, OnlyAQueue) {
  for (const bool with_lock : {false, true}) {
    if (with_lock) std::ofstream(directory_ + "/lock");
    const Result<std::unique_ptr<OverlayDisk>> refused = OverlayDisk::open_directory(directory_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, Failure::permanent);
  }
}

}  // namespace
}  // namespace toast::queue
