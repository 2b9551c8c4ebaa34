// The queue of a dead node is read whole, and not one byte of it changes.
#include "mta/queue/journal/overlay_disk.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "mta/queue/journal/journal.h"
#include "tests/unit/queue/faulty_disk.h"

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

// The disk of a dead node may be dying as well. Whatever call fails, what is read of the queue is
// whole, or it is an error, or the damage is told.
TEST_F(OverlayDiskTest, AnyCallOfReadingMayFail) {
  fill();
  const auto read = [this](Faults& faults, bool& told) -> std::map<std::uint64_t, std::string> {
    std::map<std::uint64_t, std::string> found;
    Result<std::unique_ptr<OverlayDisk>> below = OverlayDisk::open_directory(directory_);
    EXPECT_TRUE(below);
    FaultyDisk disk(std::move(*below), faults);
    Result<Journal::Opened> opened = Journal::open(disk, clock_, random_, options_);
    told = !opened || !opened->report.damage.empty();
    if (!opened) return found;
    for (const MessageState& state : opened->live) {
      std::string& text = found[state.id.value()];
      for (std::uint32_t i = 0; i < 2; ++i)
        text += std::to_string(static_cast<int>(state.recipients[i]->whole.fate));
      Result<StoredBody> body = opened->journal->read_body(state.id);
      if (!body) {
        told = true;
        text = "error";
      } else {
        text += body->blob ? read_all(body->blob, 100, "blob").value_or("") : body->bytes;
      }
    }
    return found;
  };
  Faults faults;
  bool told = false;
  const auto before = contents();
  const std::map<std::uint64_t, std::string> whole = read(faults, told);
  ASSERT_EQ(whole.size(), 2U);
  ASSERT_FALSE(told);
  for (const Fault& fault : kFaults) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << "call " << n << ": " << fault.name);
      ASSERT_LT(n, 200);
      faults.arm(fault, n);
      const std::map<std::uint64_t, std::string> found = read(faults, told);
      const bool hit = faults.hits() > 0;
      faults.disarm();
      if (!told) EXPECT_EQ(found, whole);
      if (!hit) break;
    }
  }
  EXPECT_EQ(read(faults, told), whole) << "the next time";
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
