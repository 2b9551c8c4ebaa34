// A frame is true in one place only: this salt, this sequence, this offset, these bytes.
#include "mta/queue/journal/frame.h"

#include <gtest/gtest.h>
#include <sodium.h>

namespace toast::queue {
namespace {

Salt salt_of(unsigned char first) {
  Salt salt{};
  salt[0] = first;
  return salt;
}

struct Sealed {
  FrameHeader header;
  std::string bytes;
};

Sealed sealed(std::string_view payload) {
  Sealed frame;
  frame.header.type = RecordType::outcome;
  frame.header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  frame.header.meta_bytes = frame.header.payload_bytes;
  frame.header.sequence = 7;
  frame.header.offset = 8192;
  frame.header.durable = 8192;
  frame.bytes = std::string(kFrameHeaderBytes, '\0') + std::string(payload);
  seal_frame(frame.bytes, frame.header, salt_of(1));
  return frame;
}

TEST(Frame, OpensWhereItWasSealed) {
  const Sealed frame = sealed("payload");
  const auto opened = open_frame(frame.bytes, salt_of(1), 7, 8192);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->type, RecordType::outcome);
  EXPECT_EQ(opened->payload_bytes, 7U);
  EXPECT_EQ(opened->durable, 8192U);
  EXPECT_TRUE(open_frame(frame.bytes + "what lies behind it", salt_of(1), 7, 8192));
}

TEST(Frame, IsNothingElsewhere) {
  const Sealed frame = sealed("payload");
  EXPECT_FALSE(open_frame(frame.bytes, salt_of(2), 7, 8192)) << "another use of the file";
  EXPECT_FALSE(open_frame(frame.bytes, salt_of(1), 8, 8192)) << "another segment";
  EXPECT_FALSE(open_frame(frame.bytes, salt_of(1), 7, 8704)) << "copied to another place";
}

TEST(Frame, AnyChangedBitShows) {
  const Sealed frame = sealed("payload");
  for (std::size_t bit = 0; bit < frame.bytes.size() * 8; ++bit) {
    std::string changed = frame.bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(open_frame(changed, salt_of(1), 7, 8192)) << "bit " << bit;
  }
}

TEST(Frame, CutShort) {
  const Sealed frame = sealed("payload");
  for (std::size_t size = 0; size < frame.bytes.size(); ++size)
    EXPECT_FALSE(open_frame(std::string_view(frame.bytes).substr(0, size), salt_of(1), 7, 8192));
}

TEST(Frame, NextBeginsAtABlockOrAPage) {
  FrameHeader header;
  header.offset = 8192;
  header.payload_bytes = 600;
  EXPECT_EQ(header.next(), 8192U + 1024);
  header.last_of_batch = true;
  EXPECT_EQ(header.next(), 8192U + 4096);
}

SegmentHeader some_header() {
  SegmentHeader header;
  header.kind = SegmentKind::cold;
  header.sequence = 5;
  header.salt = salt_of(9);
  header.queue_id = "0123456789abcdef";
  header.segment_bytes = 1 << 20;
  header.previous_end = {4, 12288};
  header.made_at = -1;
  header.newest_id = 77;
  return header;
}

TEST(SegmentHeader, EitherCopyServes) {
  const std::string bytes = encode_segment_header(some_header());
  ASSERT_EQ(bytes.size(), kFirstRecord);
  int good = 0;
  for (const std::size_t damaged : {std::size_t{10}, std::size_t{kPage + 10}}) {
    std::string changed = bytes;
    changed[damaged] ^= 1;
    const auto header = decode_segment_header(changed, good);
    ASSERT_TRUE(header);
    EXPECT_EQ(good, 1);
    EXPECT_EQ(header->sequence, 5U);
    EXPECT_EQ(header->previous_end, (Position{4, 12288}));
    EXPECT_EQ(header->queue_id, "0123456789abcdef");
    EXPECT_EQ(header->newest_id, 77U);
  }
  ASSERT_TRUE(decode_segment_header(bytes, good));
  EXPECT_EQ(good, 2);
}

TEST(SegmentHeader, NoneIsRefused) {
  int good = 0;
  EXPECT_FALSE(decode_segment_header("", good));
  EXPECT_FALSE(decode_segment_header(std::string(kFirstRecord, '\0'), good));  // a spare
  std::string changed = encode_segment_header(some_header());
  changed[10] ^= 1;
  changed[kPage + 10] ^= 1;
  EXPECT_FALSE(decode_segment_header(changed, good));
}

}  // namespace
}  // namespace toast::queue
