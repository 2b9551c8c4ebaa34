// Collects frames and puts them on stable storage: one write, one fdatasync. Used for the log and
// for cold segments.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mta/queue/journal/frame.h"
#include "mta/queue/journal/segment.h"

namespace toast::queue {

class SegmentWriter {
 public:
  explicit SegmentWriter(std::size_t max_write) : max_write_(max_write) {}

  // Everything added from now on goes to `segment`, which the store owns; null: to none yet.
  // Nothing may be waiting. Whoever lets a sealed segment be recycled calls this first.
  void use(Segment* segment) { segment_ = segment; }
  Segment* segment() const { return segment_; }
  bool usable() const { return segment_ != nullptr && !segment_->sealed; }

  // Is there room for one more frame in the segment, and in this write?
  bool fits(std::uint64_t frame_bytes) const;
  // The place it will have. Bodies are copied here, once.
  Position add(RecordType type, std::string_view meta, std::span<const std::string_view> bodies);

  // Writes what was added and waits until it is durable. On failure nothing of it counts, the
  // segment is sealed where it was before and never used again.
  [[nodiscard]] Result<void> flush();

 private:
  Result<void> write_and_sync();

  std::size_t max_write_;
  Segment* segment_ = nullptr;
  std::string buffer_;  // a whole number of blocks
  std::vector<FrameHeader> frames_;
};

}  // namespace toast::queue
