// What the disk may do to the store, and what the store may do to the disk.
#include <fcntl.h>
#include <gmock/gmock.h>

#include "tests/unit/trace/trace_fixture.h"

namespace toast::queue::trace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Event kFirst = arrival(1, 1, "a@a.test", {"b@b.test"});
const Event kSecond = attempt(1, 2, Kind::delivered, "b@b.test");
const Event kThird = finished(1, 3);

using RingTest = StoreTest;

TEST_F(RingTest, IsReadAsItWasWritten) {
  keep({kFirst, kSecond});
  keep({kThird});  // another process, later: it goes on in the same file
  EXPECT_THAT(all(), ElementsAre(kFirst, kSecond, kThird));
  EXPECT_THAT(files(), SizeIs(1));
  EXPECT_EQ(std::filesystem::status(path(1)).permissions(), std::filesystem::perms{0600});
  EXPECT_EQ(std::filesystem::status(directory_).permissions(), std::filesystem::perms{0700});
}

TEST_F(RingTest, ATornTailEndsItsFileOnly) {
  keep({kFirst, kSecond});
  const std::uint64_t size = std::filesystem::file_size(path(1));
  const std::uint64_t start_of_second = size - frame(kSecond).size();
  for (std::uint64_t cut = size - 1; cut > start_of_second; --cut) {
    std::filesystem::resize_file(path(1), cut);
    EXPECT_THAT(all(), ElementsAre(kFirst)) << cut;
  }
  keep({kThird});
  EXPECT_THAT(files(), ElementsAre(1, 2));
  EXPECT_THAT(all(), ElementsAre(kFirst, kThird));
}

TEST_F(RingTest, DamageInTheMiddleEndsItsFileOnly) {
  keep({kFirst, kSecond, kThird});
  flip_byte(1, file_header().size() + frame(kFirst).size() + kFrameHeaderBytes + 5);
  EXPECT_THAT(all(), ElementsAre(kFirst));
  keep({kThird});
  EXPECT_THAT(all(), ElementsAre(kFirst, kThird));
  flip_byte(1, 3);  // the header
  EXPECT_THAT(all(), ElementsAre(kThird));
}

TEST_F(RingTest, ZerosAreNoEvents) {
  keep({kFirst});
  std::filesystem::resize_file(path(1), std::filesystem::file_size(path(1)) + 4096);
  EXPECT_THAT(all(), ElementsAre(kFirst));
}

TEST_F(RingTest, TheOldestFilesGo) {
  constexpr std::uint64_t kCapacity = 64 * 1024;
  Ring ring(real_folder(directory_));
  int written = 0;
  while (written < 5000) {
    ASSERT_TRUE(ring.write(frame(arrival(1, ++written, "a@a.test", {"b@b.test"})), kCapacity));
    std::uint64_t total = 0;
    if (written % 100 != 0) continue;
    for (const std::uint64_t number : files()) total += std::filesystem::file_size(path(number));
    ASSERT_LE(total, kCapacity);
  }
  const std::vector<Event> kept = all();
  const std::size_t bytes = kept.size() * frame(kept.front()).size();
  EXPECT_GT(bytes, kCapacity * 3 / 4);
  EXPECT_EQ(kept.back().time, at(written));
  for (std::size_t i = 1; i < kept.size(); ++i)
    ASSERT_EQ(kept[i].time - kept[i - 1].time, std::chrono::seconds(1));
}

TEST_F(RingTest, AFileEndsAtSixteenMiB) {
  const std::string block(std::size_t{4} * 1024 * 1024, 'x');  // what it is does not matter here
  Ring ring(real_folder(directory_));
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(ring.write(block, kPlenty));
  for (const std::uint64_t number : files())
    EXPECT_LE(std::filesystem::file_size(path(number)), kMaxFileBytes);
  EXPECT_THAT(files(), ElementsAre(1, 2, 3));
}

TEST_F(RingTest, OffRemovesWhatThereIs) {
  Ring never(real_folder(directory_));
  ASSERT_TRUE(never.write("", 0));
  ASSERT_TRUE(never.write("", kPlenty));
  EXPECT_FALSE(std::filesystem::exists(directory_));
  keep({kFirst});
  Ring ring(real_folder(directory_));
  ASSERT_TRUE(ring.write("", 0));
  EXPECT_THAT(files(), IsEmpty());
  ASSERT_TRUE(ring.write(frame(kSecond), kPlenty));
  EXPECT_THAT(all(), ElementsAre(kSecond));
}

TEST_F(RingTest, AFullDiskIsAnErrorAndGoesBy) {
  std::filesystem::create_directory(directory_);
  std::filesystem::create_symlink("/dev/full", path(1));
  Ring ring(real_folder(directory_));
  const Result<void> written = ring.write(frame(kFirst), kPlenty);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().detail, testing::HasSubstr("No space left"));
  ASSERT_TRUE(ring.write(frame(kSecond), kPlenty));  // in a new file, since that one is spoilt
  EXPECT_THAT(all(), ElementsAre(kSecond));
}

TEST_F(RingTest, ADirectoryThatWasRemovedIsMadeAgain) {
  Ring ring(real_folder(directory_));
  ASSERT_TRUE(ring.write(frame(kFirst), 8 * 100));  // one event a file
  std::filesystem::remove_all(directory_);
  EXPECT_FALSE(ring.write(frame(kSecond), 8 * 100));
  ASSERT_TRUE(ring.write(frame(kThird), 8 * 100));
  EXPECT_THAT(all(), ElementsAre(kThird));
}

class CountingLogger final : public Logger {
 public:
  void write(Severity, std::string_view event, std::initializer_list<Field>) override {
    ++events[std::string(event)];
  }
  std::map<std::string, int> events;
};

class WriterTest : public StoreTest {
 protected:
  void flush(Writer& writer) {
    bool done = false;
    asio::co_spawn(io_, writer.flush(), [&done](std::exception_ptr) { done = true; });
    io_.restart();
    while (!done && io_.run_one_for(std::chrono::seconds(10)) > 0) {
    }
    EXPECT_TRUE(done);
  }
  asio::io_context io_;
  asio::thread_pool pool_{1};
  CountingLogger log_;
};

TEST_F(WriterTest, WritesWhatItWasTold) {
  Writer writer(io_.get_executor(), pool_, log_, directory_, kPlenty);
  for (int i = 1; i <= 3000; ++i) writer.record(finished(1, i));
  flush(writer);
  EXPECT_THAT(all(), SizeIs(3000));
  EXPECT_THAT(log_.events, IsEmpty());
}

TEST_F(WriterTest, WritesByItselfAfterASecond) {
  Writer writer(io_.get_executor(), pool_, log_, directory_, kPlenty);
  writer.record(kFirst);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (all().empty() && std::chrono::steady_clock::now() < give_up)
    io_.run_one_for(std::chrono::milliseconds(50));
  EXPECT_THAT(all(), ElementsAre(kFirst));
}

TEST_F(WriterTest, OffKeepsNothing) {
  Writer writer(io_.get_executor(), pool_, log_, directory_, 0);
  writer.record(kFirst);
  flush(writer);
  EXPECT_FALSE(std::filesystem::exists(directory_));
  writer.set_capacity(kPlenty);
  writer.record(kFirst);
  flush(writer);
  EXPECT_THAT(all(), SizeIs(1));
  writer.set_capacity(0);
  flush(writer);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(WriterTest, MayGoWhileTheDiskIsBusy) {
  auto writer = std::make_unique<Writer>(io_.get_executor(), pool_, log_, directory_, kPlenty);
  for (int i = 1; i <= 3000; ++i) writer->record(finished(1, i));
  writer.reset();
  pool_.join();
  io_.run_for(std::chrono::milliseconds(50));
}

}  // namespace
}  // namespace toast::queue::trace
