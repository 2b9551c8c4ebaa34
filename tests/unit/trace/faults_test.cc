// Every system call of the event store fails in turn, in every way of the table. What is promised:
// events may be lost, and only those of the write that failed; it is said once; the store goes on
// by itself when the disk is back; what was written before can still be read.
#include <gmock/gmock.h>

#include "tests/unit/queue/faulty_disk.h"
#include "tests/unit/trace/trace_fixture.h"

namespace toast::queue::trace {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::IsSubsetOf;

class CountingLog final : public Logger {
 public:
  void write(Severity, std::string_view event, std::initializer_list<Field>) override {
    ++events[std::string(event)];
  }
  int count(const std::string& event) const {
    const auto found = events.find(event);
    return found == events.end() ? 0 : found->second;
  }
  std::map<std::string, int> events;
};

class TraceFaultsTest : public StoreTest {
 protected:
  OpenFolder faulty() {
    return [this](bool make) -> Result<std::unique_ptr<Disk>> {
      if (Result<void> good = faults_.call("make", directory_); !good) return pass(good);
      Result<std::unique_ptr<Disk>> real = RealDisk::open_folder(directory_, make);
      if (!real || !*real) return real;
      return std::make_unique<FaultyDisk>(std::move(*real), faults_);
    };
  }
  void start_anew() { std::filesystem::remove_all(directory_); }
  Faults faults_;
};

// What a write does: finds what is there, goes on in it, begins a file, removes the oldest.
enum class State { nothing, one_file, torn_file, full };

constexpr std::uint64_t kSmall = 8 * 400;  // two events a file, some eight files

TEST_F(TraceFaultsTest, AnyCallMayFail) {
  int failed_calls = 0;
  for (const State state : {State::nothing, State::one_file, State::torn_file, State::full}) {
    for (const Fault& fault : kFaults) {
      for (int n = 1;; ++n) {
        SCOPED_TRACE(testing::Message()
                     << static_cast<int>(state) << ", call " << n << ": " << fault.name);
        ASSERT_LT(n, 100);
        start_anew();
        int before = 0;
        if (state == State::full)
          for (; before < 40; ++before) keep({finished(1, before)}, kSmall);
        else if (state != State::nothing)
          keep({finished(1, before++)}, kSmall);
        if (state == State::torn_file)
          std::filesystem::resize_file(path(1), std::filesystem::file_size(path(1)) + 7);
        const std::vector<Event> old = all();

        Ring ring(faulty());
        faults_.arm(fault, n);
        const Result<void> written = ring.write(frame(finished(2, 1)), kSmall);
        faults_.disarm();
        if (faults_.hits() == 0) {
          ASSERT_TRUE(written);
          break;
        }
        ++failed_calls;
        if (written) EXPECT_THAT(all(), Contains(finished(2, 1)));
        // The disk is back.
        for (int i = 2; i < 5; ++i) ASSERT_TRUE(ring.write(frame(finished(2, i)), kSmall));
        const std::vector<Event> now = all();
        for (int i = 2; i < 5; ++i) EXPECT_THAT(now, Contains(finished(2, i)));
        if (state != State::full) EXPECT_THAT(old, IsSubsetOf(now)) << "what was there";
        std::uint64_t total = 0;
        for (const std::uint64_t number : files())
          total += std::filesystem::file_size(path(number));
        EXPECT_LE(total, kSmall);
        EXPECT_LT(files().size(), 40U);
      }
    }
  }
  EXPECT_GT(failed_calls, 100);
}

TEST_F(TraceFaultsTest, AnyCallOfRemovingAllMayFail) {
  for (const Fault& fault : kFaults) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << "call " << n << ": " << fault.name);
      ASSERT_LT(n, 100);
      start_anew();
      for (int i = 0; i < 9; ++i) keep({finished(1, i)}, kSmall);
      Ring ring(faulty());
      faults_.arm(fault, n);
      (void)ring.write("", 0);
      faults_.disarm();
      ASSERT_TRUE(ring.write("", 0));
      EXPECT_THAT(files(), IsEmpty());
      if (faults_.hits() == 0) break;
    }
  }
}

// A disk that stays full for an hour must not be filled with the names of empty files.
TEST_F(TraceFaultsTest, ADiskThatStaysFullIsNotFilledWithFiles) {
  keep({finished(1, 1)});
  Ring ring(faulty());
  const Fault full{"full", ENOSPC, false, true};
  for (int i = 0; i < 1000; ++i) {
    faults_.arm(full, 1);
    if (!ring.write(frame(finished(2, i)), kPlenty)) continue;
    faults_.disarm();
  }
  faults_.disarm();
  EXPECT_LT(files().size(), 10U);
  ASSERT_TRUE(ring.write(frame(finished(3, 1)), kPlenty));
  EXPECT_THAT(all(), Contains(finished(1, 1)));
  EXPECT_THAT(all(), Contains(finished(3, 1)));
}

// A sector that is gone for good takes one file with it, not the store.
TEST_F(TraceFaultsTest, AFileThatCannotBeWrittenIsGivenUp) {
  class OneBadFile final : public Disk {
   public:
    explicit OneBadFile(std::unique_ptr<Disk> below, Faults& always)
        : below_(std::move(below)), always_(always) {}
    Result<std::unique_ptr<DiskFile>> create(const std::string& name) override {
      return below_->create(name);
    }
    Result<std::unique_ptr<DiskFile>> open(const std::string& name) override {
      Result<std::unique_ptr<DiskFile>> file = below_->open(name);
      if (!file || name != file_name(1)) return file;
      return std::make_unique<FaultyFile>(std::move(*file), always_, name);
    }
    Result<Fd> open_read_only(const std::string& name) override {
      return below_->open_read_only(name);
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
      return below_->rename(from, to);
    }
    Result<void> unlink(const std::string& name) override { return below_->unlink(name); }
    Result<std::vector<std::string>> list() override { return below_->list(); }
    Result<void> sync_directory() override { return below_->sync_directory(); }
    Result<std::uint64_t> free_bytes() override { return below_->free_bytes(); }

   private:
    std::unique_ptr<Disk> below_;
    Faults& always_;
  };
  keep({finished(1, 1)});
  faults_.arm({"bad sector", EIO, true}, 1);
  Ring ring([this](bool make) -> Result<std::unique_ptr<Disk>> {
    return std::make_unique<OneBadFile>(std::move(*RealDisk::open_folder(directory_, make)),
                                        faults_);
  });
  int failures = 0;
  for (int i = 0; i < 10; ++i)
    if (!ring.write(frame(finished(2, i)), kPlenty)) ++failures;
  EXPECT_LE(failures, 2);
  EXPECT_THAT(all(), Contains(finished(1, 1)));
  EXPECT_THAT(all(), Contains(finished(2, 9)));
}

// An answer that leaves out what it could not read looks like one that has all.
TEST_F(TraceFaultsTest, WhatCannotBeReadIsSaid) {
  keep({finished(1, 1)});
  ASSERT_TRUE(search(directory_, {MessageId(1), {}, {}, 10}));
  std::filesystem::create_directory(path(2));  // can be opened, and not be read
  Result<Answer> answer = search(directory_, {MessageId(1), {}, {}, 10});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().detail, testing::HasSubstr(file_name(2)));
  std::filesystem::remove(path(2));
  std::filesystem::create_symlink(path(2), path(2));  // cannot be opened
  answer = search(directory_, {MessageId(1), {}, {}, 10});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().detail, testing::HasSubstr(file_name(2)));
  std::filesystem::remove(path(2));
  EXPECT_EQ(search(directory_, {MessageId(1), {}, {}, 10})->events.size(), 1U);
}

TEST_F(TraceFaultsTest, TheWriterSaysSoOnceAndGoesOn) {
  asio::io_context io;
  asio::thread_pool pool{1};
  const auto flush = [&io](Writer& writer) {
    bool done = false;
    asio::co_spawn(io, writer.flush(), [&done](std::exception_ptr) { done = true; });
    io.restart();
    while (!done && io.run_one_for(std::chrono::seconds(10)) > 0) {
    }
    ASSERT_TRUE(done);
  };
  for (const Fault& fault : kFaults) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << "call " << n << ": " << fault.name);
      ASSERT_LT(n, 100);
      start_anew();
      CountingLog log;
      Writer writer(io.get_executor(), pool, log, directory_, kPlenty, faulty());
      writer.record(finished(1, 1));
      flush(writer);
      faults_.arm(fault, n);
      for (int i = 0; i < 4; ++i) {  // minutes of it
        writer.record(finished(2, i));
        flush(writer);
      }
      faults_.disarm();
      const bool hit = faults_.hits() > 0;
      EXPECT_LE(log.count("queue.trace.failed"), 1) << "once";
      if (hit && fault.for_good) EXPECT_EQ(log.count("queue.trace.failed"), 1);
      writer.record(finished(3, 1));
      flush(writer);
      EXPECT_EQ(log.count("queue.trace.resumed"), log.count("queue.trace.failed"));
      EXPECT_THAT(all(), Contains(finished(1, 1)));
      EXPECT_THAT(all(), Contains(finished(3, 1)));
      if (!hit) break;
    }
  }
}

}  // namespace
}  // namespace toast::queue::trace
