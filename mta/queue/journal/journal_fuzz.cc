// Everything that recovery decodes: frames, records, segment headers, slices of checkpoints. The
// first byte says which. What decodes must encode to the same bytes again: there is one way only to
// write a record.
#include <sodium.h>

#include <cstdlib>

#include "mta/queue/journal/checkpoint.h"
#include "mta/queue/journal/frame.h"
#include "mta/queue/journal/record_codec.h"

namespace {

using namespace toast;
using namespace toast::queue;

constexpr int kHeader = 0;
constexpr int kSlice = 1;
constexpr int kFrame = 2;
constexpr int kKinds = 3;  // and then one for each type of record

void encode(Encoder& e, const StoredCompound& record) {
  encode_meta(e, record.parent, record.outcomes, record.children, record.finishes_parent);
}
template <class R>
void encode(Encoder& e, const R& record) {
  encode_meta(e, record);
}

void try_record(RecordType type, std::string_view bytes) {
  const Result<StoredRecord> record = decode_record(type, bytes);
  if (!record) return;
  Encoder e;
  std::visit([&e](const auto& r) { encode(e, r); }, *record);
  if (e.view() != bytes) std::abort();
}

void try_slice(std::string_view bytes) {
  std::vector<Snapshot> snapshots;
  if (!decode_slice(bytes, snapshots)) return;
  Encoder e;
  e.u32(static_cast<std::uint32_t>(snapshots.size()));
  for (const Snapshot& s : snapshots) encode_snapshot(e, s.state, s.body, s.shared);
  if (e.view() != bytes) std::abort();
}

// The fuzzer cannot make checksums, so they are made for it: a frame around its bytes opens, and
// one without is nothing.
void try_frame(std::string_view bytes) {
  const Salt salt{1, 2, 3};
  if (open_frame(bytes, salt, 1, kFirstRecord)) std::abort();
  FrameHeader header;
  header.payload_bytes = header.meta_bytes = static_cast<std::uint32_t>(bytes.size());
  header.sequence = 1;
  header.offset = header.durable = kFirstRecord;
  std::string frame = std::string(kFrameHeaderBytes, '\0') + std::string(bytes);
  seal_frame(frame, header, salt);
  if (!open_frame(frame, salt, 1, kFirstRecord)) std::abort();
}

void try_header(std::string_view bytes) {
  std::string pages(bytes);
  pages.resize(kFirstRecord, '\0');
  int good = 0;
  const auto header = decode_segment_header(pages, good);
  if (header && header->queue_id.size() != kIdBytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (::sodium_init() < 0 || size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const int kind = data[0] % (kKinds + static_cast<int>(RecordType::body));
  if (kind == kHeader) {
    try_header(bytes);
  } else if (kind == kSlice) {
    try_slice(bytes);
  } else if (kind == kFrame) {
    try_frame(bytes);
  } else {
    try_record(static_cast<RecordType>(kind - kKinds + 1), bytes);
  }
  return 0;
}
