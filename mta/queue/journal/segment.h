// Segments: the files of the journal, those in use and the spares. This file knows how a spare
// becomes a segment and a segment a spare, in an order that a crash cannot break; it does not know
// what the records in them mean.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "mta/queue/journal/disk.h"
#include "mta/queue/journal/frame.h"

namespace toast::queue {

class Body;

// One use of one file. Whoever holds a shared_ptr to it pins it: it is not recycled meanwhile.
struct SegmentFile {
  std::unique_ptr<DiskFile> file;
  SegmentHeader header;
};

struct Segment {
  std::shared_ptr<SegmentFile> file;
  std::uint64_t end = kFirstRecord;  // everything below is durable; the next batch starts here
  std::vector<Body*> bodies;         // live inline bodies in here, in no order
  std::uint64_t live_bytes = 0;
  bool sealed = false;          // nothing will be appended
  bool suspect = false;         // a write or sync failed: the file is not used again
  bool unmovable = false;       // a live body in it is damaged: compaction cannot empty it
  std::uint64_t sealed_at = 0;  // how many checkpoints had begun when it was sealed
  std::optional<std::uint64_t> empty_at;  // ... when it was found sealed and without live bodies

  std::uint64_t sequence() const { return file->header.sequence; }
  SegmentKind kind() const { return file->header.kind; }
  std::uint64_t room() const { return file->header.segment_bytes - end; }
};

std::string segment_name(std::uint64_t sequence);
std::string spare_name(std::uint64_t number);
// The 16 hex digits after `prefix`, if `name` is such a name.
[[nodiscard]] std::optional<std::uint64_t> number_in_name(std::string_view name,
                                                          std::string_view prefix);

class SegmentStore {
 public:
  SegmentStore(Disk& disk, const Clock& clock, Random& random, std::uint64_t segment_bytes);

  // At open: what the directory held.
  void adopt_segment(std::shared_ptr<SegmentFile> file);
  void adopt_spare(std::uint64_t number, std::unique_ptr<DiskFile> file);
  void adopt_identity(std::string queue_id, std::uint64_t greatest_sequence);

  Segment* find(std::uint64_t sequence);
  const std::map<std::uint64_t, std::unique_ptr<Segment>>& all() const { return segments_; }
  std::size_t spares() const { return spares_.size(); }
  const std::string& queue_id() const { return queue_id_; }
  std::uint64_t next_sequence() const { return next_sequence_; }

  // header on a spare -> fdatasync -> rename -> sync directory. With no spare at hand one is made
  // whole first. On failure the spare is thrown away, and the next call takes another.
  [[nodiscard]] Result<Segment*> activate(SegmentKind kind, Position previous_end,
                                          std::uint64_t newest_id);
  // rename to a spare -> sync directory -> may be written. The caller knows that nobody needs it.
  // More than `keep` spares, or a suspect file: unlinked instead.
  [[nodiscard]] Result<void> retire(std::uint64_t sequence, std::size_t keep);
  // Writes up to `slice` bytes of the next spare; true when a spare was finished.
  [[nodiscard]] Result<bool> preallocate(std::uint64_t slice);
  // Unlinks one, if more than `least` are there.
  void give_up_spare(std::size_t least);

 private:
  struct Spare {
    // Random, never used twice: an unlink, a create and a rename of one name, not yet synced, could
    // otherwise be told apart by nobody after a crash.
    std::uint64_t number;
    std::unique_ptr<DiskFile> file;
  };
  Result<SegmentHeader> write_header(DiskFile& file, SegmentKind kind, Position previous_end,
                                     std::uint64_t newest_id);
  std::string growing_name() const;
  void discard(const std::string& name);

  Disk& disk_;
  const Clock& clock_;
  Random& random_;
  std::uint64_t segment_bytes_;
  std::string queue_id_;
  std::uint64_t next_sequence_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Segment>> segments_;
  std::deque<Spare> spares_;
  std::unique_ptr<DiskFile> growing_;  // the spare being written, under its temporary name
  std::uint64_t growing_number_ = 0;
  std::uint64_t grown_ = 0;
};

}  // namespace toast::queue
