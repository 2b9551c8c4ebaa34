// Bytes that were durable and are others now. Recovery loses what is damaged, says so, keeps a copy
// and goes on; it never refuses to start.
#include <gmock/gmock.h>

#include "mta/queue/journal/checkpoint.h"
#include "mta/queue/journal/record_codec.h"
#include "tests/crash/journal/fixture.h"

namespace toast::queue::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class JournalDamage : public QueueTest {
 protected:
  // Messages 1 to 6, one page each: record N begins at page N + 1.
  void six_messages() {
    open();
    accept(1, 6);
    log = active_segment();
  }
  static std::uint64_t record_at(std::uint64_t id) { return kFirstRecord + (id - 1) * kPage; }
  std::string log;
};

TEST_F(JournalDamage, LastRecordIsTheTornTail) {
  six_messages();
  disk.damage(log, record_at(6) + 100, 1);
  open();
  EXPECT_EQ(live_ids(), ids(1, 5));
  EXPECT_THAT(report.damage, IsEmpty());  // nothing behind it said that it was durable
  accept(7, 7);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 7, {6}));
}

TEST_F(JournalDamage, MiddleIsReportedAndSetAside) {
  six_messages();
  const std::string before = disk.content(log);
  disk.damage(log, record_at(3) + 100, 20);
  open();
  EXPECT_EQ(live_ids(), ids(1, 6, {3}));
  EXPECT_THAT(report.damage, ElementsAre(HasSubstr(log + " bytes 16384 to 20480")));
  ASSERT_THAT(files("damaged."), SizeIs(1));
  EXPECT_EQ(disk.content(files("damaged.").front()), disk.content(log).substr(record_at(3), kPage));
  // Again, and after more mail: the same loss and no other.
  accept(7, 7);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 7, {3}));
  EXPECT_EQ(content(4), body_of(4, 500));
}

TEST_F(JournalDamage, EveryByteOfTheMiddle) {
  for (std::uint64_t at = record_at(3); at < record_at(3) + kFrameHeaderBytes; ++at) {
    wipe();
    six_messages();
    disk.damage(log, at, 1);
    open();
    EXPECT_EQ(live_ids(), ids(1, 6, {3})) << "byte " << at;
    EXPECT_THAT(report.damage, SizeIs(1)) << "byte " << at;
  }
}

TEST_F(JournalDamage, FirstRecordOfMany) {
  six_messages();
  disk.damage(log, record_at(1), 3 * kPage);
  open();
  EXPECT_EQ(live_ids(), ids(4, 6));
  EXPECT_THAT(report.damage, SizeIs(1));
}

TEST_F(JournalDamage, OneHeaderCopyCostsNothing) {
  for (const std::uint64_t copy : {std::uint64_t{0}, kPage}) {
    wipe();
    six_messages();
    disk.damage(log, copy + 20, 30);
    open();
    EXPECT_EQ(live_ids(), ids(1, 6));
    EXPECT_THAT(report.damage, ElementsAre(HasSubstr("one copy of its header")));
  }
}

TEST_F(JournalDamage, BothHeaderCopiesCostTheSegment) {
  six_messages();
  open();  // a second segment
  accept(7, 8);
  disk.damage(log, 30, 1);
  disk.damage(log, kPage + 30, 1);
  open();
  EXPECT_EQ(live_ids(), ids(7, 8));
  EXPECT_THAT(report.damage, testing::Contains(HasSubstr("set aside as damaged." + log)));
  EXPECT_TRUE(disk.exists("damaged." + log));
  accept(9, 9);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(7, 9));
}

TEST_F(JournalDamage, SegmentGone) {
  six_messages();
  open();
  accept(7, 8);
  journal.reset();
  ASSERT_TRUE(disk.unlink(log));
  open();
  EXPECT_EQ(live_ids(), ids(7, 8));
  EXPECT_THAT(report.damage, ElementsAre(HasSubstr(log + " is missing")));
}

TEST_F(JournalDamage, UnreadableSegmentIsDamageToo) {  // the drive answers EIO
  six_messages();
  open();
  accept(7, 8);
  disk.fail_reads_of(log);
  open();
  EXPECT_EQ(live_ids(), ids(7, 8));
  EXPECT_FALSE(report.damage.empty());
}

TEST_F(JournalDamage, NewestCheckpointCostsNothing) {
  open();
  accept(1, 6);
  pass_checkpoints(5);
  const std::vector<std::string> checkpoints = files("checkpoint.");
  ASSERT_THAT(checkpoints, SizeIs(2));
  const std::string whole = disk.content(checkpoints.back());
  for (std::uint64_t at = 0; at < whole.size(); at += 7) {
    journal.reset();
    disk.set_content(checkpoints.back(), whole);
    disk.damage(checkpoints.back(), at, 1);
    open();
    EXPECT_EQ(live_ids(), ids(1, 6)) << "byte " << at;
    EXPECT_THAT(report.damage, ElementsAre(HasSubstr("passed over"))) << "byte " << at;
    for (std::uint64_t id = 1; id <= 6; ++id) EXPECT_EQ(content(id), body_of(id, 500));
  }
}

TEST_F(JournalDamage, CheckpointCutShort) {
  open();
  accept(1, 6);
  pass_checkpoints(3);
  const std::string newest = files("checkpoint.").back();
  const std::string whole = disk.content(newest);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{10}, whole.size() / 2, whole.size() - 1}) {
    journal.reset();
    disk.set_content(newest, whole.substr(0, size));
    open();
    EXPECT_EQ(live_ids(), ids(1, 6)) << size;
  }
}

TEST_F(JournalDamage, AllCheckpointsStillStarts) {
  open();
  accept(1, 6);
  pass_checkpoints(3);
  for (const std::string& name : files("checkpoint.")) disk.damage(name, 30, 1);
  open();
  // What their segments hold is replayed: nothing that lives is lost, some may be there again.
  for (std::uint64_t id = 1; id <= 6; ++id) EXPECT_EQ(content(id), body_of(id, 500));
  EXPECT_THAT(report.damage, testing::Contains(HasSubstr("no checkpoint can be read")));
  accept(7, 7);
  crash_and_open();
  EXPECT_TRUE(live_ids().contains(7));
}

TEST_F(JournalDamage, BodyOfALiveMessage) {
  options.compact_fraction = 1'000'000;  // not before it is damaged
  open();
  accept(1, 2);
  const std::string log = active_segment();
  pass_checkpoints(3);
  disk.damage(log, record_at(2) + 300, 1);  // older than the checkpoint: recovery does not read it
  open();
  EXPECT_EQ(live_ids(), ids(1, 2));
  EXPECT_EQ(content(1), body_of(1, 500));
  const Result<StoredBody> damaged = journal->read_body(MessageId(2));
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().failure, Failure::permanent);
  EXPECT_THAT(damaged.error().detail, HasSubstr("damaged"));
  options.compact_fraction = 4;
  open();
  pass_checkpoints(4);  // compaction meets it, and neither stops nor spins
  EXPECT_EQ(content(1), body_of(1, 500));
}

TEST_F(JournalDamage, SegmentOfAnotherQueue) {
  six_messages();
  const std::string foreign = disk.content(log);
  wipe();
  open();
  accept(11, 12);
  open();
  accept(13, 13);
  disk.set_content(segment_name(1), foreign);  // somebody restored a file of an old backup
  open();
  EXPECT_EQ(live_ids(), ids(13, 13));
  EXPECT_TRUE(disk.exists("damaged." + segment_name(1)));
}

TEST_F(JournalDamage, AnotherFormatIsNotDamage) {  // an older program meets a newer queue
  six_messages();
  journal.reset();
  int good = 0;
  std::string bytes = disk.content(log);
  SegmentHeader header = *decode_segment_header(bytes, good);
  header.version = kFormatVersion + 1;
  bytes.replace(0, kFirstRecord, encode_segment_header(header));
  disk.set_content(log, bytes);
  const std::vector<std::string> before = disk.names();
  const Result<Journal::Opened> opened = Journal::open(disk, clock, salts, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().failure, Failure::permanent);
  EXPECT_THAT(opened.error().detail, HasSubstr("another version"));
  EXPECT_EQ(disk.names(), before);
  EXPECT_EQ(disk.content(log), bytes);
}

TEST_F(JournalDamage, BlobGone) {
  open();
  Result<BlobWriter> writer = journal->create_blob(MessageId(1));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append("large"));
  ASSERT_TRUE(writer->finish());
  Accepted large = message(1, "");
  large.body = BlobBody{5};
  ASSERT_TRUE(commit(large, message(2, "small")));
  EXPECT_EQ(content(1), "large");
  journal.reset();
  ASSERT_TRUE(disk.unlink(blob_name(MessageId(1))));
  open();
  EXPECT_EQ(live_ids(), ids(1, 2));
  EXPECT_THAT(report.damage, ElementsAre(HasSubstr("blob.")));
  EXPECT_THAT(content(1), HasSubstr("error"));
}

// A record that a stranger wrote into a body, at a block boundary, with the right sequence and
// offset. The record around it is damaged, so that recovery looks for the next one inside the body.
TEST_F(JournalDamage, ForgedRecordInsideABody) {
  open();
  const JournalStatus at = journal->status();
  Accepted carrier = message(1, "");
  Encoder carrier_meta;
  encode_meta(carrier_meta, Arrival{state_of(carrier), OwnBytes{}});
  const std::size_t body_at = kFrameHeaderBytes + carrier_meta.view().size();
  Encoder forged_meta;
  encode_meta(forged_meta, Arrival{state_of(message(666, "")), OwnBytes{}});
  FrameHeader forged;
  forged.meta_bytes = forged.payload_bytes = static_cast<std::uint32_t>(forged_meta.view().size());
  forged.sequence = at.log_segment;
  forged.offset = at.log_offset + 2 * kBlock;
  std::string body(2'000, 'x');
  const std::size_t inside = 2 * kBlock - body_at;
  body.replace(inside + kFrameHeaderBytes, forged_meta.view().size(), forged_meta.view());
  seal_frame({body.data() + inside, forged.frame_bytes()}, forged, Salt{});
  carrier.body = InlineBody{body};
  ASSERT_TRUE(commit(carrier));
  accept(2, 3);
  // It lies where it should: with the key it would be taken.
  const std::string bytes = disk.content(active_segment());
  EXPECT_TRUE(open_frame(std::string_view(bytes).substr(forged.offset), Salt{}, forged.sequence,
                         forged.offset));
  disk.damage(active_segment(), at.log_offset, 8);
  open();
  EXPECT_EQ(live_ids(), ids(2, 3));
}

// The file of a segment that was filled with records is used again: behind the new log's end lie
// the old records, whole, each at its old offset.
TEST_F(JournalDamage, StaleRecordsInARecycledSegment) {
  open();
  pass_checkpoints(12);  // every file was used more than once
  EXPECT_GT(journal->status().recycled_segments, 4U);
  accept(1, 1);
  crash_and_open();
  EXPECT_EQ(live_ids(), ids(1, 1));
  EXPECT_THAT(report.damage, IsEmpty());
}

// Anything, anywhere: it starts, and what it shows was once accepted.
TEST_F(JournalDamage, AnythingAnywhere) {
  for (int round = 0; round < 300; ++round) {
    wipe();
    open();
    accept(1, 10);
    pass_checkpoints(random() % 3);
    accept(11, 14);
    journal.reset();
    for (int i = 0; i < 4; ++i) {
      const std::vector<std::string> names = disk.names();
      const std::string& name = names[random() % names.size()];
      const std::uint64_t size = disk.content(name).size();
      const std::uint64_t at = random() % size;
      disk.damage(name, at, std::min<std::uint64_t>(size - at, 1 + random() % 3'000));
    }
    open();
    for (const MessageState& state : live)
      EXPECT_TRUE(state.id.value() <= 14 || state.id.value() >= 900'000);
    ASSERT_TRUE(commit(message(20, "still works\n")));
    open();
    EXPECT_EQ(content(20), "still works\n");
  }
}

}  // namespace
}  // namespace toast::queue::sim
