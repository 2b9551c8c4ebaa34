// Reads a queue directory back into an Index and a SegmentStore. It writes nothing that the journal
// depends on: damaged bytes are copied aside for the operator, half-made files are removed. The
// durable part of recovery, the header of a fresh segment that says where the old log is cut, is
// the journal's next step; until then a crash leaves everything as it was found.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mta/queue/journal/checkpoint.h"
#include "mta/queue/journal/index.h"
#include "mta/queue/journal/journal.h"
#include "mta/queue/journal/segment.h"

namespace toast::queue {

// Where the log ends, and what the journal goes on with.
struct LogEnd {
  Position end;                                // sequence 0: there was no log
  std::optional<std::uint64_t> empty_segment;  // the last one, if nothing was ever written to it
  std::uint64_t newest_checkpoint = 0;         // number; 0: none
  std::uint64_t checkpoint_bytes = 0;
  std::vector<std::uint64_t> checkpoints;  // files, oldest first
  std::size_t replayed_segments = 0;
};

class Recovery {
 public:
  Recovery(Disk& disk, Index& index, SegmentStore& store, RecoveryReport& report)
      : disk_(disk), index_(index), store_(store), report_(report) {}

  // sync directory -> names -> segment headers -> newest good checkpoint -> the log's last segment
  // is synced and read from the disk itself -> records after the checkpoint
  [[nodiscard]] Result<LogEnd> run(std::uint64_t segment_bytes);
  // Only after the cut is durable: blobs that nobody names go.
  void sweep_blobs();

 private:
  struct Frame {
    FrameHeader header;
    std::string_view bytes;
  };
  Result<void> read_names(std::uint64_t segment_bytes);
  Result<void> read_headers(const std::set<std::uint64_t>& sequences);
  void read_checkpoints();
  Result<void> load_checkpoint(std::uint64_t number);
  void replay();
  static void settle_tail(Segment& segment);
  std::uint64_t replay_segment(Segment& segment, std::uint64_t from,
                               std::optional<std::uint64_t> known_end);
  static std::vector<Frame> find_frames(const SegmentHeader& header, std::string_view bytes,
                                        std::uint64_t from);
  void set_aside(std::uint64_t sequence, std::string_view bytes, std::uint64_t from,
                 std::uint64_t to);
  void fold(const Frame& frame);
  void add_arrivals(std::vector<Arrival>& arrivals, const Frame& frame, MessageId parent);
  BodyRef body_at(const BodyPlace& place, bool shared);
  void forget(const BodyRef& gone);
  void damage(std::string line);

  Disk& disk_;
  Index& index_;
  SegmentStore& store_;
  RecoveryReport& report_;
  std::vector<std::string> blobs_;
  std::set<std::uint64_t> checkpoints_;
  CheckpointHeader checkpoint_;  // number 0: none
  std::string queue_id_;
  std::uint64_t greatest_sequence_ = 0;
  LogEnd log_;
  // Live bodies that others may share.
  std::map<InlinePlace, Body*> shared_inline_;
  std::map<MessageId, Body*> shared_blobs_;
};

}  // namespace toast::queue
