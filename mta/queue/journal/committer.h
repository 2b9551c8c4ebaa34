// Turns a batch of records into durable frames and then into the index: the write side of the
// journal. The order of steps is in journal.h.
#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mta/queue/journal/core.h"
#include "mta/queue/journal/record_codec.h"
#include "mta/queue/journal/segment_writer.h"

namespace toast::queue {

class Committer {
 public:
  explicit Committer(Core& core) : core_(core), log_(core.options.max_write) {}

  // The fresh segment of this opening; `previous_end` is the cut.
  [[nodiscard]] Result<void> start(Position previous_end);
  [[nodiscard]] Result<void> commit(std::span<const Record> batch);
  std::uint64_t log_bytes() const { return log_bytes_; }  // since open

 private:
  // Beside each Arrival: the body that it comes with or shares.
  struct Incoming {
    BodyRef body;
    std::string_view own_bytes;
    bool brings_bytes = false;
  };
  Result<void> prepare(std::span<const Record> batch);
  Result<void> prepare_message(const Accepted& accepted, MessageId parent);
  Result<void> share_body(Arrival& arrival, Incoming& incoming, MessageId parent) const;
  Result<std::size_t> write_some(std::span<const Record> batch, std::size_t first);
  Result<void> take_segment(Position previous_end);
  std::size_t stage(std::span<const Record> batch, std::size_t first);
  std::string encode(const Record& record, std::size_t index);
  void place_bodies(std::size_t index, Position frame, std::size_t meta_bytes,
                    std::uint64_t frame_bytes);
  void fold(std::span<const Record> batch);
  void add_messages(std::size_t index);

  Core& core_;
  SegmentWriter log_;
  std::uint64_t log_bytes_ = 0;
  // The messages that the batch in hand creates; record i's are [first_message_[i],
  // first_message_[i + 1]).
  std::vector<Arrival> arrivals_;
  std::vector<Incoming> incoming_;
  std::vector<std::size_t> first_message_;
  std::unordered_map<MessageId, std::size_t> new_ids_;
  std::vector<std::string_view> bodies_;  // of the record being encoded
};

}  // namespace toast::queue
