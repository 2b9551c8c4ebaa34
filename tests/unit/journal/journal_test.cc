// The journal's promises when nothing goes wrong: sharing, refusals, space that comes back, readers
// that are left alone.
#include <gmock/gmock.h>

#include "tests/crash/journal/fixture.h"

namespace toast::queue::sim {
namespace {

class JournalTest : public QueueTest {};

TEST_F(JournalTest, EmptyAtFirst) {
  open();
  EXPECT_TRUE(live.empty());
  EXPECT_TRUE(report.damage.empty());
  EXPECT_EQ(journal->queue_id().size(), kIdBytes);
  const std::string id = journal->queue_id();
  open();
  EXPECT_EQ(journal->queue_id(), id);
}

TEST_F(JournalTest, AChildReadsItsPrefixAndAllThatItsParentReads) {
  open();
  Accepted parent = message(1, "body\n");
  parent.prefix = "Received: by us\n";
  Compound forward;
  forward.parent = MessageId(1);
  Accepted child = message(2, "");
  child.prefix = "Delivered-To: ann\n";
  child.body = ParentBody{};
  forward.children.push_back(child);
  forward.outcomes.push_back(Outcome{MessageId(1), Target{0}, Fate::delivered, "forwarded"});
  forward.finishes_parent = true;
  ASSERT_TRUE(commit(parent, forward));  // in one batch: the parent's place is not known before
  EXPECT_FALSE(journal->is_live(MessageId(1)));
  const std::string expected = "Delivered-To: ann\nReceived: by us\nbody\n";
  EXPECT_EQ(content(2), expected);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(2, 2));
  EXPECT_EQ(content(2), expected);
  EXPECT_EQ(live[0].size_bytes, expected.size());
}

TEST_F(JournalTest, ASharedBlobGoesWithItsLastReader) {
  open();
  Result<BlobWriter> writer = journal->create_blob(MessageId(1));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append("large\n"));
  ASSERT_TRUE(writer->finish());
  Accepted parent = message(1, "");
  parent.body = BlobBody{6};
  Compound forward;
  forward.parent = MessageId(1);
  Accepted child = message(2, "");
  child.body = ParentBody{};
  forward.children.push_back(child);
  forward.finishes_parent = true;
  ASSERT_TRUE(commit(parent));
  ASSERT_TRUE(commit(forward));
  EXPECT_EQ(content(2), "large\n");
  crash_and_open();
  EXPECT_EQ(content(2), "large\n");
  ASSERT_TRUE(commit(Finished{MessageId(2)}));
  EXPECT_TRUE(files("blob.").empty());
}

TEST_F(JournalTest, RefusalsWriteNothing) {
  open();
  accept(1, 1);
  const auto refused = [this](Record record) {
    const std::vector<Record> batch{Record(message(50, "in the same batch\n")), std::move(record)};
    const Result<void> done = journal->commit(batch);
    return !done && done.error().failure == Failure::permanent;
  };
  EXPECT_TRUE(refused(message(1, "an id that is live\n")));
  EXPECT_TRUE(refused(message(50, "twice in a batch\n")));
  EXPECT_TRUE(refused(message(2, std::string(options.max_inline_body + 1, 'x'))));
  Compound orphan;
  orphan.parent = MessageId(77);
  Accepted child = message(3, "");
  child.body = ParentBody{};
  orphan.children.push_back(child);
  EXPECT_TRUE(refused(orphan));
  EXPECT_EQ(journal->status().state, JournalState::open);
  EXPECT_FALSE(journal->is_live(MessageId(50)));
  accept(4, 4);
  crash_and_open();
  EXPECT_EQ(live_ids(), (std::set<std::uint64_t>{1, 4}));
}

TEST_F(JournalTest, RecordsOfMessagesThatAreGoneChangeNothing) {
  open();
  accept(1, 1);
  ASSERT_TRUE(commit(Finished{MessageId(1)}));
  EXPECT_TRUE(commit(Hold{MessageId(1), "too late"}, Finished{MessageId(1)},
                     Outcome{MessageId(1), Target{0}, Fate::failed, "too late"}));
  crash_and_open();
  EXPECT_TRUE(live.empty());
}

TEST_F(JournalTest, NewestIdOutlivesItsMessage) {
  open();
  accept(5, 5);
  ASSERT_TRUE(commit(Finished{MessageId(5)}));
  crash_and_open();
  EXPECT_EQ(journal->newest_id(), MessageId(5));
  ASSERT_TRUE(commit(message(900'000, "x\n"), Finished{MessageId(900'000)}));
  pass_checkpoints(6);  // the segments it was in are used again
  const MessageId newest = journal->newest_id();
  EXPECT_GE(newest, MessageId(900'000));
  crash_and_open();
  EXPECT_EQ(journal->newest_id(), newest);
}

TEST_F(JournalTest, MailThatComesAndGoesUsesNoMoreSpace) {
  open();
  for (std::uint64_t id = 1; id <= 2'000; ++id) {
    ASSERT_TRUE(commit(message(id, body_of(id, 3'000))));
    ASSERT_TRUE(commit(Finished{MessageId(id)}));
    keep_house();
  }
  EXPECT_LE(disk.names().size(), 16U);
  EXPECT_GT(journal->status().recycled_segments, 200U);
}

TEST_F(JournalTest, AStragglerDoesNotKeepASegment) {
  open();
  for (std::uint64_t id = 1; id <= 1'000; ++id) {
    ASSERT_TRUE(commit(message(id, body_of(id, 2'000))));
    if (id % 50 != 0) ASSERT_TRUE(commit(Finished{MessageId(id)}));  // one in fifty stays
    keep_house();
  }
  EXPECT_GT(journal->status().moved_bodies, 10U);
  EXPECT_LE(files("segment.").size(), 14U);
  crash_and_open();
  EXPECT_EQ(live.size(), 20U);
  for (std::uint64_t id = 50; id <= 1'000; id += 50) EXPECT_EQ(content(id), body_of(id, 2'000));
}

// A disk on which something happens in the middle of a read.
class Interrupted final : public DiskFile {
 public:
  Interrupted(std::unique_ptr<DiskFile> file, std::function<void()>& meanwhile)
      : file_(std::move(file)), meanwhile_(meanwhile) {}
  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    return file_->write_at(offset, bytes);
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    if (meanwhile_) std::exchange(meanwhile_, nullptr)();
    return file_->read_at(offset, into);
  }
  Result<void> sync_data() override { return file_->sync_data(); }
  void forget_cache() override { file_->forget_cache(); }
  Result<std::uint64_t> size() override { return file_->size(); }

 private:
  std::unique_ptr<DiskFile> file_;
  std::function<void()>& meanwhile_;
};

class InterruptedDisk final : public Disk {
 public:
  explicit InterruptedDisk(Disk& disk) : disk_(disk) {}
  std::function<void()> meanwhile;
  Result<std::unique_ptr<DiskFile>> create(const std::string& name) override {
    return wrap(disk_.create(name));
  }
  Result<std::unique_ptr<DiskFile>> open(const std::string& name) override {
    return wrap(disk_.open(name));
  }
  Result<Fd> open_read_only(const std::string& name) override { return disk_.open_read_only(name); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return disk_.rename(from, to);
  }
  Result<void> unlink(const std::string& name) override { return disk_.unlink(name); }
  Result<std::vector<std::string>> list() override { return disk_.list(); }
  Result<void> sync_directory() override { return disk_.sync_directory(); }
  Result<std::uint64_t> free_bytes() override { return disk_.free_bytes(); }

 private:
  Result<std::unique_ptr<DiskFile>> wrap(Result<std::unique_ptr<DiskFile>> file) {
    if (!file) return file;
    return std::make_unique<Interrupted>(std::move(*file), meanwhile);
  }
  Disk& disk_;
};

TEST_F(JournalTest, AReaderPinsItsSegment) {
  InterruptedDisk interrupted(disk);
  Result<Journal::Opened> opened = Journal::open(interrupted, clock, salts, options);
  ASSERT_TRUE(opened);
  journal = std::move(opened->journal);
  accept(1, 1);
  bool was_recycled_meanwhile = true;
  interrupted.meanwhile = [this, &was_recycled_meanwhile] {
    // The message ends, its segment empties, every file is used again - but for the pinned one.
    const std::string pinned = active_segment();
    ASSERT_TRUE(commit(Finished{MessageId(1)}));
    pass_checkpoints(10);
    was_recycled_meanwhile = !disk.exists(pinned);
  };
  EXPECT_EQ(content(1), body_of(1, 500));
  EXPECT_FALSE(was_recycled_meanwhile);
  EXPECT_GT(journal->status().recycled_segments, 3U);
  const std::uint64_t before = journal->status().recycled_segments;
  keep_house();
  EXPECT_GT(journal->status().recycled_segments, before);  // and now it is
}

// What waits is written again with each checkpoint: passing mail must not pay for it each time.
TEST_F(JournalTest, CheckpointsOfMuchMailAreFarBetween) {
  options.spare_segments = 100;  // nothing is short
  open();
  accept(1, 1'500, 10);
  keep_house();
  pass_checkpoints(1);
  const std::uint64_t size = disk.content(files("checkpoint.").back()).size();
  ASSERT_GT(size, 2 * options.segment_bytes);
  const std::uint64_t before = journal->status().committed_bytes;
  pass_checkpoints(1);
  const std::uint64_t apart = journal->status().committed_bytes - before;
  EXPECT_GE(apart, options.checkpoint_spacing * size);
  EXPECT_LE(apart, (options.checkpoint_spacing + 1) * size);
  options.max_checkpoint_spacing = 0;  // never more often than they are long
  open();
  pass_checkpoints(1);
  const std::uint64_t again = journal->status().committed_bytes;
  pass_checkpoints(1);
  EXPECT_GE(journal->status().committed_bytes - again, size);
  EXPECT_LE(journal->status().committed_bytes - again, 2 * size);
}

TEST_F(JournalTest, OptionsThatCannotWork) {
  options.segment_bytes = 3 * kPage;
  EXPECT_FALSE(Journal::open(disk, clock, salts, options));
  options.segment_bytes = 16 * kPage + 1;
  EXPECT_FALSE(Journal::open(disk, clock, salts, options));
  options.segment_bytes = 16 * kPage;
  options.max_inline_body = 16 * kPage;
  EXPECT_FALSE(Journal::open(disk, clock, salts, options));
}

}  // namespace
}  // namespace toast::queue::sim
