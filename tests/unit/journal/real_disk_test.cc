// The journal on a real directory: the same promises, the lock, files that outlive the process.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "mta/queue/journal/journal.h"
#include "tests/crash/journal/model.h"

namespace toast::queue {
namespace {

class RealDiskTest : public testing::Test {
 protected:
  RealDiskTest() {
    std::string name = testing::TempDir() + "/journal-XXXXXX";
    directory = ::mkdtemp(name.data());
    options.segment_bytes = 256 * 1024;
    options.max_inline_body = 64 * 1024;
  }
  ~RealDiskTest() override { std::filesystem::remove_all(directory); }

  void open() {
    journal.reset();
    disk.reset();
    Result<std::unique_ptr<RealDisk>> opened_disk = RealDisk::open_directory(directory);
    ASSERT_TRUE(opened_disk) << opened_disk.error().detail;
    disk = std::move(*opened_disk);
    Result<Journal::Opened> opened = Journal::open(*disk, clock, salts, options);
    ASSERT_TRUE(opened) << opened.error().detail;
    journal = std::move(opened->journal);
    live = std::move(opened->live);
    EXPECT_TRUE(opened->report.damage.empty());
  }
  static Record message(std::uint64_t id, std::string body) {
    Accepted accepted;
    accepted.id = MessageId(id);
    Envelope envelope;
    envelope.recipients.push_back({"ann@example.org", "ann@example.org", "", 0});
    accepted.envelope = envelope;
    accepted.body = InlineBody{std::move(body)};
    return accepted;
  }

  std::string directory;
  SystemClock clock;
  SystemRandom salts;
  JournalOptions options;
  std::unique_ptr<RealDisk> disk;
  std::unique_ptr<Journal> journal;
  std::vector<MessageState> live;
};

TEST_F(RealDiskTest, KeepsAcrossOpenings) {
  open();
  for (std::uint64_t id = 1; id <= 200; ++id) {
    const std::vector<Record> batch{message(id, std::string(4'000, 'x') + std::to_string(id))};
    ASSERT_TRUE(journal->commit(batch));
    journal->maintain();
  }
  open();
  ASSERT_EQ(live.size(), 200U);
  const auto stored = journal->read_body(MessageId(77));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->bytes, std::string(4'000, 'x') + "77");
}

TEST_F(RealDiskTest, FilesAreForTheQueueAlone) {
  open();
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    struct stat status {};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0077U, 0U) << entry.path();
  }
}

TEST_F(RealDiskTest, BlobsArePassedAsDescriptors) {
  open();
  Result<BlobWriter> writer = journal->create_blob(MessageId(1));
  ASSERT_TRUE(writer);
  const std::string body(300'000, 'b');
  ASSERT_TRUE(writer->append(body));
  ASSERT_TRUE(writer->finish());
  Accepted accepted = std::get<Accepted>(message(1, ""));
  accepted.body = BlobBody{body.size()};
  accepted.prefix = "Received: x\n";
  const std::vector<Record> batch{Record(accepted)};
  ASSERT_TRUE(journal->commit(batch));
  open();
  Result<StoredBody> stored = journal->read_body(MessageId(1));
  ASSERT_TRUE(stored);
  const Result<std::string> content = sim::content_of(std::move(*stored));
  ASSERT_TRUE(content);
  EXPECT_EQ(*content, "Received: x\n" + body);
}

TEST_F(RealDiskTest, OneOwnerAtATime) {
  open();
  const auto second = RealDisk::open_directory(directory);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().failure, Failure::transient);
  journal.reset();
  disk.reset();
  EXPECT_TRUE(RealDisk::open_directory(directory));
}

TEST_F(RealDiskTest, NoDirectory) {
  EXPECT_FALSE(RealDisk::open_directory(directory + "/not-there"));
}

// Readers on other threads while the committer appends, compacts and recycles.
TEST_F(RealDiskTest, ReadersAndTheCommitter) {
  open();
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const std::uint64_t newest = accepted;
        for (std::uint64_t id = newest > 20 ? newest - 20 : 1; id <= newest; ++id) {
          const auto stored = journal->read_body(MessageId(id));
          if (stored && stored->bytes != std::string(3'000, static_cast<char>('a' + id % 26)))
            ++wrong;
          if (!stored && stored.error().detail.find("not in the queue") == std::string::npos)
            ++wrong;
        }
        (void)journal->status();
        (void)journal->may_accept(1'000);
      }
    });
  }
  for (std::uint64_t id = 1; id <= 3'000; ++id) {
    std::vector<Record> batch{message(id, std::string(3'000, static_cast<char>('a' + id % 26)))};
    if (id > 10 && id % 40 != 0) batch.emplace_back(Finished{MessageId(id - 10)});
    ASSERT_TRUE(journal->commit(batch));
    accepted = id;
    journal->maintain();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(journal->status().recycled_segments, 5U);
}

}  // namespace
}  // namespace toast::queue
