// What the disk refuses: failed syncs and writes, short writes, no space. And what is promised
// then.
#include <gmock/gmock.h>

#include "tests/crash/journal/fixture.h"

namespace toast::queue::sim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class JournalFaults : public QueueTest {};

TEST_F(JournalFaults, FailedSyncGoesToAnotherSegment) {
  open();
  accept(1, 3);
  const std::string failed = active_segment();
  disk.fail_syncs(1);
  ASSERT_TRUE(commit(message(4, body_of(4, 900)), message(5, body_of(5, 100))));
  EXPECT_NE(active_segment(), failed);
  EXPECT_EQ(journal->status().abandoned_segments, 1U);
  EXPECT_EQ(content(2), body_of(2, 500));  // what was durable there still counts
  EXPECT_EQ(content(4), body_of(4, 900));
  accept(6, 6);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 6));
  EXPECT_THAT(report.damage, IsEmpty());
}

// The sync failed and yet all of the batch is on the disk: it must not count twice, and not at all
// if its second writing said otherwise.
TEST_F(JournalFaults, AbandonedRecordsAreVoid) {
  open();
  accept(1, 1);
  const std::string failed = active_segment();
  disk.fail_syncs(1);
  ASSERT_TRUE(commit(message(2, "two\n")));
  ASSERT_TRUE(commit(Finished{MessageId(2)}));
  // The platter has the abandoned batch, whole.
  disk.set_content(failed, disk.content(failed));
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 1));
}

TEST_F(JournalFaults, FailedWriteGoesToAnotherSegment) {
  open();
  disk.fail_writes(1);
  accept(1, 2);
  EXPECT_EQ(journal->status().abandoned_segments, 1U);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 2));
}

TEST_F(JournalFaults, TwoFailuresStopTheJournal) {
  open();
  accept(1, 3);
  disk.fail_syncs(2);
  const Result<void> refused = commit(message(4, "four\n"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::transient);
  EXPECT_EQ(journal->status().state, JournalState::failed);
  EXPECT_THAT(journal->status().failure, HasSubstr("fdatasync"));
  EXPECT_FALSE(journal->may_accept(1));
  EXPECT_FALSE(commit(message(5, "five\n")));  // though the disk would take it
  EXPECT_FALSE(journal->maintain());
  EXPECT_EQ(content(1), body_of(1, 500));  // reading goes on
  crash_and_open();
  EXPECT_TRUE(std::ranges::includes(live_ids(), ids(1, 3)));
  EXPECT_FALSE(live_ids().contains(5));
  EXPECT_EQ(journal->status().state, JournalState::open);
}

TEST_F(JournalFaults, ShortWritesAreFinished) {
  disk.write_short(true);
  open();
  accept(1, 20, 3'000);
  pass_checkpoints(2);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 20));
  for (std::uint64_t id = 1; id <= 20; ++id) EXPECT_EQ(content(id), body_of(id, 3'000));
}

TEST_F(JournalFaults, FullDiskRefusesMailAndTakesOutcomes) {
  options.low_water_bytes = 100'000;
  open();
  keep_house();
  std::uint64_t id = 0;
  disk.set_capacity(600'000);
  clock.advance(std::chrono::seconds{2});
  keep_house();
  ASSERT_TRUE(journal->may_accept(1'000));
  while (journal->may_accept(1'000) && id < 1'000) {
    ++id;
    accept(id, id, 3'000);
    keep_house();
  }
  ASSERT_LT(id, 1'000U) << "it never said stop";
  EXPECT_FALSE(journal->may_accept(1));
  // What was accepted can still be settled, message by message.
  for (std::uint64_t done = 1; done <= id; ++done) {
    const Outcome outcome{MessageId(done), Target{0}, Fate::delivered, "delivered"};
    ASSERT_TRUE(commit(outcome, Finished{MessageId(done)})) << journal->status().failure;
    keep_house();
  }
  pass_checkpoints(3);
  EXPECT_TRUE(journal->may_accept(1'000)) << "space that was given back is not used";
  crash_and_open();
  EXPECT_THAT(live, IsEmpty());
}

TEST_F(JournalFaults, NoSpaceAtAll) {
  open();
  accept(1, 1);
  disk.set_capacity(1);
  std::uint64_t id = 2;
  Result<void> done;
  for (; done && id < 200; ++id) done = commit(message(id, body_of(id, 4'000)));
  ASSERT_FALSE(done) << "more went in than there is room for";
  EXPECT_EQ(done.error().failure, Failure::transient);
  disk.set_capacity(~std::uint64_t{0});
  crash_and_open();
  EXPECT_TRUE(std::ranges::includes(live_ids(), ids(1, id - 2)));
}

TEST_F(JournalFaults, BlobWithoutSpaceLeavesNothing) {
  open();
  keep_house();
  disk.set_capacity(1);
  {
    Result<BlobWriter> writer = journal->create_blob(MessageId(1));
    ASSERT_TRUE(writer);
    EXPECT_FALSE(writer->append("large"));
  }
  EXPECT_THAT(files("blob."), IsEmpty());
}

TEST_F(JournalFaults, BlobOfAnAbandonedSubmission) {
  open();
  {
    Result<BlobWriter> writer = journal->create_blob(MessageId(1));
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append("half"));
  }
  EXPECT_THAT(files("blob."), IsEmpty());
  Result<BlobWriter> whole = journal->create_blob(MessageId(2));
  ASSERT_TRUE(whole);
  ASSERT_TRUE(whole->finish());
  journal->discard_blob(MessageId(2));
  EXPECT_THAT(files("blob."), IsEmpty());
}

TEST_F(JournalFaults, OrphanBlobsAreSwept) {
  open();
  Result<BlobWriter> writer = journal->create_blob(MessageId(1));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append("nobody named it"));
  ASSERT_TRUE(writer->finish());
  crash_and_open();
  EXPECT_THAT(files("blob."), IsEmpty());
  EXPECT_THAT(report.damage, IsEmpty());
}

TEST_F(JournalFaults, HousekeepingFailsAndIsTriedAgain) {
  open();
  accept(1, 30, 3'000);
  disk.fail_syncs(3);
  for (int i = 0; i < 20; ++i) {
    journal->maintain();
    clock.advance(std::chrono::seconds{6});
  }
  EXPECT_EQ(journal->status().state, JournalState::open);
  EXPECT_GE(journal->status().maintenance_errors, 1U);
  EXPECT_GE(journal->status().checkpoint_number, 1U);  // it came through at last
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 30));
}

// A segment that compaction could not write is recycled like any other. Compaction must not write
// to it again.
TEST_F(JournalFaults, CompactionThatFailsTakesAnotherSegment) {
  open();
  for (std::uint64_t id = 1; id <= 1'000; ++id) {
    ASSERT_TRUE(commit(message(id, body_of(id, 2'000))));
    if (id % 50 != 0) ASSERT_TRUE(commit(Finished{MessageId(id)}));  // one in fifty stays
    if (id > 500 && id % 50 == 10) ASSERT_TRUE(commit(Finished{MessageId(id / 50 * 50 - 400)}));
    disk.fail_one_of(4);
    keep_house();
    disk.fail_one_of(0);
  }
  EXPECT_GT(journal->status().maintenance_errors, 20U);
  EXPECT_GT(journal->status().moved_bodies, 10U);
  crash_and_open();
  EXPECT_THAT(report.damage, IsEmpty());
  for (std::uint64_t id = 600; id <= 1'000; id += 50) EXPECT_EQ(content(id), body_of(id, 2'000));
}

TEST_F(JournalFaults, StartsAreNotPaidInSpace) {  // a process that is killed at once, for ever
  open();
  accept(1, 1);
  for (int i = 0; i < 40; ++i) crash_and_open();
  EXPECT_LE(files("segment.").size(), 3U);
  EXPECT_EQ(live_ids(), ids(1, 1));
}

}  // namespace
}  // namespace toast::queue::sim
