// The queue's journal: the one place where a message becomes ours. Records go in by commit(), and
// when it returns they are durable; at start open() gives back every message that is still live.
// It trusts the disk to keep what fdatasync said it keeps, and nothing else on the disk: every
// record proves itself (frame.h). Format: docs/queue-format.md.
//
// Threads: commit() and maintain() belong to one committer thread. Everything else may be called
// from any thread. All of it blocks: keep it off the event loop.
//
// The order of durable steps:
//   open      sync directory -> fdatasync of the log's last segment -> read -> the header of a
//   fresh
//             segment says where the log was cut (as `segment` below) -> orphan blobs go
//   commit    write all that fits the segment -> fdatasync -> (next segment, again) -> index ->
//   return
//             A failed sync is never tried again on the same segment: go to another one, whose
//             header says where the failed one ends -> write the same records there -> fdatasync.
//             If that fails too the journal is `failed` and takes nothing more.
//   segment   zeros -> fdatasync -> header on a spare -> fdatasync -> rename -> sync directory ->
//   use checkpoint  temporary file -> fdatasync -> rename -> sync directory -> older than the kept:
//   unlink recycle   only a segment that was empty before the oldest kept checkpoint began, and
//   that no
//             reader pins -> rename to a spare -> sync directory -> may be written
//   blob      write -> fdatasync -> sync directory -> record that names it; Finished -> unlink
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "mta/queue/journal/blob.h"
#include "mta/queue/journal/disk.h"
#include "mta/queue/journal/record.h"

namespace toast::queue {

struct JournalOptions {
  std::uint64_t segment_bytes = 16 * 1024 * 1024;
  std::size_t max_inline_body = 256 * 1024;  // larger bodies go to blobs
  // One write, one sync at most this much; a bigger batch is several.
  std::size_t max_write = 4 * 1024 * 1024;
  // Spare segments kept ready. Half of them are the reserve for outcomes and compaction: they are
  // used by anything that must be written, but no new mail is invited (may_accept) once it is
  // touched and the file system is below low water too.
  std::size_t spare_segments = 4;
  std::uint64_t low_water_bytes = 64 * 1024 * 1024;
  // A checkpoint is due when this many segments were filled since the last one began; later when
  // much is live, so that writing it again and again costs a known share of the log: as many times
  // the bytes of the last checkpoint, up to a bound on what a start must replay.
  std::size_t checkpoint_segments = 2;
  std::uint64_t checkpoint_spacing = 4;
  std::uint64_t max_checkpoint_spacing = 256 * 1024 * 1024;
  // How many checkpoints must have begun and ended since a segment became empty before it is
  // written again. Two, as two are kept: a damaged newest checkpoint costs nothing.
  std::size_t recycle_after_checkpoints = 2;
  // A sealed segment with less live data than 1/this is compacted.
  std::uint64_t compact_fraction = 4;
  std::size_t maintain_slice = 1024 * 1024;  // bytes one maintain() call writes, about
};

// What open() found. Each line is for the operator's log; none of it stopped the start.
struct RecoveryReport {
  std::uint64_t records = 0;         // replayed after the checkpoint
  std::vector<std::string> damage;   // of durable bytes: what was lost, where it is kept
  std::vector<std::string> remarks;  // nothing is wrong: where the log was cut, orphans swept
};

enum class JournalState : std::uint8_t { open, failed };

struct JournalStatus {
  JournalState state = JournalState::open;
  std::string failure;  // why, when failed
  std::uint64_t live_messages = 0;
  std::uint64_t log_segment = 0;  // where the next batch goes
  std::uint64_t log_offset = 0;
  std::uint64_t segments = 0;  // active, sealed and cold
  std::uint64_t spares = 0;
  std::uint64_t free_bytes = 0;  // of the file system, as of the last maintain()
  std::uint64_t checkpoint_number = 0;
  std::uint64_t commits = 0;
  std::uint64_t syncs = 0;  // of commits
  std::uint64_t committed_bytes = 0;
  std::uint64_t abandoned_segments = 0;  // after failed writes or syncs
  std::uint64_t recycled_segments = 0;
  std::uint64_t moved_bodies = 0;  // by compaction
  std::uint64_t maintenance_errors = 0;
  std::string last_maintenance_error;
};

// A message's content. It is `prefix`, then `bytes` or else the file that `blob` is open on.
struct StoredBody {
  std::string prefix;
  std::string bytes;
  Fd blob;  // valid if the body is a blob: read-only, positioned at its start
  std::uint64_t blob_bytes = 0;
};

class Journal {
 public:
  struct Opened;
  // Reads the directory, records durably where the torn tail is cut, and is ready. Permanent error
  // only for what a person must change; never for one bad record, segment or checkpoint.
  [[nodiscard]] static Result<Opened> open(Disk& disk, const Clock& clock, Random& random,
                                           JournalOptions options = {});
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Committer thread. All of `batch` is durable on success. Permanent: a record is malformed, or
  // accepts an id that is live, or its parent is not; nothing was written and the journal goes on.
  // Transient: the journal has failed (see status()); what was in the batch may or may not be found
  // at the next open.
  [[nodiscard]] Result<void> commit(std::span<const Record> batch);

  // Committer thread. One bounded piece of housekeeping: spares, checkpoint, compaction, recycling.
  // Call it after each commit, and again while it returns true and nobody waits. Its failures are
  // not fatal: they are counted in status() and tried again.
  bool maintain();

  // The content of a live message; its segment is pinned while it is read. Transient: the disk
  // fails. Permanent: no such live message, or its bytes are damaged (hold it, tell the operator).
  [[nodiscard]] Result<StoredBody> read_body(MessageId id) const;

  [[nodiscard]] Result<BlobWriter> create_blob(MessageId id);
  // Removes a finished blob that no record will name after all.
  void discard_blob(MessageId id);

  // Is there room to promise a message of this size? If not: 452 4.3.1.
  bool may_accept(std::uint64_t size_bytes) const;
  bool is_live(MessageId id) const;
  // The greatest id ever recorded here: new ids must lie above it (MessageIdSource::skip_past).
  MessageId newest_id() const;
  // 128 random bits, made with the queue: part of every Maildir name delivered from it.
  const std::string& queue_id() const;
  JournalStatus status() const;

 private:
  struct Parts;
  explicit Journal(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

struct Journal::Opened {
  std::unique_ptr<Journal> journal;
  std::vector<MessageState> live;  // by id
  RecoveryReport report;
};

}  // namespace toast::queue
