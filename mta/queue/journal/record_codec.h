// Records and states as bytes: a frame's payload is meta-data, then the inline bodies it brings.
// Format: docs/queue-format.md. Decoding trusts nothing; every length is checked again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/codec.h"
#include "base/result.h"
#include "mta/queue/journal/frame.h"
#include "mta/queue/journal/record.h"

namespace toast::queue {

// Where a body's bytes are: inside a frame, or in a blob.
struct InlinePlace {
  Position frame;
  std::uint32_t frame_bytes = 0;
  std::uint32_t body_offset = 0;  // from the start of the frame
  std::uint32_t body_bytes = 0;
  friend auto operator<=>(const InlinePlace&, const InlinePlace&) = default;
};
struct BlobPlace {
  MessageId owner;  // the message it was written for; children share it
  std::uint64_t size = 0;
  friend bool operator==(const BlobPlace&, const BlobPlace&) = default;
};
using BodyPlace = std::variant<InlinePlace, BlobPlace>;

// A body that comes with the record itself, in the payload after the meta-data.
struct OwnBytes {
  std::uint32_t size = 0;
};
using BodySource = std::variant<OwnBytes, InlinePlace, BlobPlace>;

// A new message as a record states it.
struct Arrival {
  MessageState state;
  BodySource body;
};
struct StoredCompound {
  MessageId parent;
  std::vector<Outcome> outcomes;
  std::vector<Arrival> children;
  bool finishes_parent = false;
};
using StoredRecord =
    std::variant<Arrival, Frozen, Outcome, Deferral, Hold, Release, Finished, StoredCompound>;

// The meta-data of each type of record.
void encode_meta(Encoder& e, const Arrival& arrival);
void encode_meta(Encoder& e, const Frozen& record);
void encode_meta(Encoder& e, const Outcome& record);
void encode_meta(Encoder& e, const Deferral& record);
void encode_meta(Encoder& e, const Hold& record);
void encode_meta(Encoder& e, const Release& record);
void encode_meta(Encoder& e, const Finished& record);
void encode_meta(Encoder& e, MessageId parent, const std::vector<Outcome>& outcomes,
                 std::span<const Arrival> children, bool finishes_parent);  // a compound
[[nodiscard]] Result<StoredRecord> decode_record(RecordType type, std::string_view meta);

// A live message in a checkpoint. `shared`: another live message has the same body.
struct Snapshot {
  MessageState state;
  BodyPlace body;
  bool shared = false;
};
void encode_snapshot(Encoder& e, const MessageState& state, const BodyPlace& body, bool shared);
[[nodiscard]] Snapshot decode_snapshot(Decoder& d);  // check the decoder before use

}  // namespace toast::queue
