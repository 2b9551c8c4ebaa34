// The journal's housekeeping, one bounded piece at a time, on the committer thread: recycling,
// checkpoints, spares, compaction. Nothing here is needed for a commit to be durable; everything
// here may fail and be tried again later.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "mta/queue/journal/checkpoint.h"
#include "mta/queue/journal/core.h"
#include "mta/queue/journal/recovery.h"
#include "mta/queue/journal/segment_writer.h"

namespace toast::queue {

class Maintenance {
 public:
  Maintenance(Core& core, const LogEnd& recovered);

  // `log_bytes`: what commits have written since open. True: there may be more to do.
  bool step(std::uint64_t log_bytes);

 private:
  using Did = Result<bool>;  // whether there was something to do
  Did next_piece(std::uint64_t log_bytes);
  Did recycle();
  bool recyclable(Segment& segment) const;
  bool covered(std::uint64_t empty_at) const;
  std::size_t waiting_for_checkpoints() const;
  std::size_t reserve() const { return (core_.options.spare_segments + 1) / 2; }
  bool has_room() const;
  bool checkpoint_due(std::uint64_t log_bytes) const;
  Did begin_checkpoint(std::uint64_t log_bytes);
  Did continue_checkpoint();
  Result<void> publish_checkpoint();
  Did make_spares();
  Did compact();
  Segment* find_straggler() const;
  Result<void> copy_bodies(Segment& from);
  Result<void> take_cold_segment();
  void seal_cold_segment();
  void switch_places();
  void measure_space();

  struct Move {
    Body* body;  // the index owns it, and nothing changes the index meanwhile
    InlinePlace to;
  };

  Core& core_;
  SegmentWriter cold_;
  std::optional<CheckpointWriter> checkpoint_;
  std::deque<std::uint64_t> kept_;  // checkpoints on disk, oldest first
  std::uint64_t last_checkpoint_bytes_;
  std::uint64_t log_bytes_at_checkpoint_ = 0;
  bool checkpoint_wanted_;
  std::vector<Move> moves_;
  SteadyTime not_before_{};  // after a failure
  SteadyTime measured_at_{};
  bool measured_ = false;
};

}  // namespace toast::queue
