// Checkpoints: what was live, so that recovery need not read the journal from its beginning.
//
// A checkpoint is written in slices while commits go on. It is `fuzzy`: its replay position is
// taken when it begins, a message is written as it is when its slice is, and replaying the records
// from that position on over it ends in the right state, because folding a record in twice is the
// same as once. Order: temporary file -> fdatasync (each slice) -> rename -> sync directory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "mta/queue/journal/disk.h"
#include "mta/queue/journal/index.h"
#include "mta/queue/journal/record_codec.h"

namespace toast::queue {

struct CheckpointHeader {
  std::uint64_t number = 0;
  std::string queue_id;
  Position replay;  // records from here on are not (all) in the checkpoint
  std::uint64_t next_sequence = 0;
  MessageId newest_id;
  std::int64_t begun_at = 0;
};

std::string checkpoint_name(std::uint64_t number);

class CheckpointWriter {
 public:
  [[nodiscard]] static Result<CheckpointWriter> begin(Disk& disk, Random& random,
                                                      CheckpointHeader header);
  // Collects messages; take_slice() then writes them.
  void add(const LiveMessage& message);
  std::size_t collected() const { return messages_.view().size(); }
  // fdatasync included.
  [[nodiscard]] Result<void> write_slice();
  // The end mark -> fdatasync -> rename -> sync directory.
  [[nodiscard]] Result<void> publish(Disk& disk);

  void abandon(Disk& disk);

  const CheckpointHeader& header() const { return header_; }
  std::uint64_t size_bytes() const { return offset_; }

 private:
  CheckpointWriter() = default;
  Result<void> write_chunk(std::uint8_t kind, std::string_view payload);

  CheckpointHeader header_;
  Salt salt_{};
  std::string temporary_name_;  // random: see SegmentStore::Spare
  std::unique_ptr<DiskFile> file_;
  std::uint64_t offset_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t total_ = 0;
  std::uint32_t in_slice_ = 0;
  Encoder messages_;
};

// Reads a checkpoint from its beginning. Any damage anywhere is an error: half a checkpoint is
// none. What came out before the error is to be thrown away.
class CheckpointReader {
 public:
  [[nodiscard]] static Result<CheckpointReader> open(std::unique_ptr<DiskFile> file);
  const CheckpointHeader& header() const { return header_; }
  std::uint64_t size_bytes() const { return size_; }
  // Appends the next slice to `out`; false after the last one.
  [[nodiscard]] Result<bool> read_slice(std::vector<Snapshot>& out);

 private:
  CheckpointReader() = default;
  struct Chunk {
    std::uint8_t kind;
    std::string payload;
  };
  Result<Chunk> read_chunk();

  CheckpointHeader header_;
  Salt salt_{};
  std::unique_ptr<DiskFile> file_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t total_ = 0;
};

// The payload of a slice; in the open for its fuzzer.
[[nodiscard]] Result<void> decode_slice(std::string_view payload, std::vector<Snapshot>& out);

}  // namespace toast::queue
