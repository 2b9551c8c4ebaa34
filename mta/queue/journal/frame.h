// The bytes of a segment: its header and the frames that hold records. A frame proves that it is
// what was written here, in this use of this file: its checksum is keyed by the segment's salt and
// covers sequence and offset. docs/queue-format.md has the tables and the reasons.
// Trusts nothing it decodes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace toast::queue {

inline constexpr std::uint64_t kBlock = 512;  // frames start here; a disk's smallest sector
inline constexpr std::uint64_t kPage = 4096;  // batches start here; the page cache's unit
inline constexpr std::uint64_t kFirstRecord = 2 * kPage;  // after two copies of the header
inline constexpr std::size_t kFrameHeaderBytes = 48;
inline constexpr std::size_t kIdBytes = 16;  // salt, queue id
inline constexpr std::uint32_t kFormatVersion = 1;

using Salt = std::array<unsigned char, kIdBytes>;

constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t unit) {
  return (n + unit - 1) / unit * unit;
}

// A place in the log: in segment `sequence`, at byte `offset`.
struct Position {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

enum class SegmentKind : std::uint32_t { log = 1, cold = 2 };

struct SegmentHeader {
  std::uint32_t version = kFormatVersion;  // the fields below mean something only in this one
  SegmentKind kind = SegmentKind::log;
  std::uint64_t sequence = 0;
  Salt salt{};
  std::string queue_id;  // kIdBytes
  std::uint64_t segment_bytes = 0;
  Position previous_end;  // of the log segment before: what lies at or beyond it is void
  std::int64_t made_at = 0;
  std::uint64_t newest_id = 0;
};

// kFirstRecord bytes: the header page, twice.
[[nodiscard]] std::string encode_segment_header(const SegmentHeader& header);
// From the first kFirstRecord bytes of a file; one damaged copy does no harm (`copies_good` tells).
[[nodiscard]] std::optional<SegmentHeader> decode_segment_header(std::string_view bytes,
                                                                 int& copies_good);

enum class RecordType : std::uint8_t {
  accepted = 1,
  frozen,
  outcome,
  deferral,
  hold,
  release,
  finished,
  compound,
  body,  // only in cold segments: one message's body, moved
};

struct FrameHeader {
  RecordType type = RecordType::accepted;
  bool last_of_batch = false;
  std::uint32_t payload_bytes = 0;
  std::uint32_t meta_bytes = 0;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::uint64_t durable = 0;  // everything below it in this segment is on stable storage

  std::uint64_t frame_bytes() const { return kFrameHeaderBytes + payload_bytes; }
  // Where the next frame is.
  std::uint64_t next() const {
    return round_up(offset + frame_bytes(), last_of_batch ? kPage : kBlock);
  }
};

// Fills in the header of `frame` (header and payload, the payload already in place), checksum last.
void seal_frame(std::span<char> frame, const FrameHeader& header, const Salt& salt);

// The frame at the front of `bytes`, if there is a whole and true one for this place.
[[nodiscard]] std::optional<FrameHeader> open_frame(std::string_view bytes, const Salt& salt,
                                                    std::uint64_t sequence, std::uint64_t offset);

// SipHash-2-4.
[[nodiscard]] std::uint64_t keyed_checksum(std::string_view bytes, const Salt& key);

}  // namespace toast::queue
