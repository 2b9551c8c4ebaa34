#include "mta/queue/journal/frame.h"

#include <sodium.h>

#include <cassert>
#include <cstring>

#include "base/codec.h"

namespace toast::queue {
namespace {

constexpr std::string_view kSegmentMagic = "toastseg";
constexpr std::uint32_t kFrameMagic = 0x52616f74;  // "toaR"
constexpr std::size_t kSegmentHeaderBytes = 96;    // under the checksum that follows them
constexpr std::size_t kChecksumBytes = 8;
constexpr std::uint8_t kLastOfBatch = 1;

static_assert(crypto_shorthash_BYTES == kChecksumBytes && crypto_shorthash_KEYBYTES == kIdBytes);

template <class T>
void put(char* at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<char>(value >> (8 * i) & 0xff);
}

template <class T>
T take(const char* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<unsigned char>(at[i])) << (8 * i));
  return value;
}

std::optional<SegmentHeader> decode_one(std::string_view page) {
  Decoder d(page.substr(kSegmentMagic.size(), kSegmentHeaderBytes - kSegmentMagic.size()));
  if (page.substr(0, kSegmentMagic.size()) != kSegmentMagic) return std::nullopt;
  SegmentHeader header;
  header.version = d.u32();
  const std::uint32_t kind = d.u32();
  if (kind != 1 && kind != 2) return std::nullopt;
  header.kind = static_cast<SegmentKind>(kind);
  header.sequence = d.u64();
  for (unsigned char& byte : header.salt) byte = d.u8();
  for (std::size_t i = 0; i < kIdBytes; ++i) header.queue_id.push_back(static_cast<char>(d.u8()));
  header.segment_bytes = d.u64();
  header.previous_end.sequence = d.u64();
  header.previous_end.offset = d.u64();
  header.made_at = d.i64();
  header.newest_id = d.u64();
  const auto checksum = take<std::uint64_t>(page.data() + kSegmentHeaderBytes);
  if (keyed_checksum(page.substr(0, kSegmentHeaderBytes), header.salt) != checksum)
    return std::nullopt;
  return header;
}

}  // namespace

std::uint64_t keyed_checksum(std::string_view bytes, const Salt& key) {
  unsigned char out[kChecksumBytes];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   key.data());
  return take<std::uint64_t>(reinterpret_cast<const char*>(out));
}

std::string encode_segment_header(const SegmentHeader& header) {
  assert(header.queue_id.size() == kIdBytes);
  Encoder e;
  for (const char c : kSegmentMagic) e.u8(static_cast<std::uint8_t>(c));
  e.u32(header.version);
  e.u32(static_cast<std::uint32_t>(header.kind));
  e.u64(header.sequence);
  for (const unsigned char byte : header.salt) e.u8(byte);
  for (const char c : header.queue_id) e.u8(static_cast<std::uint8_t>(c));
  e.u64(header.segment_bytes);
  e.u64(header.previous_end.sequence);
  e.u64(header.previous_end.offset);
  e.i64(header.made_at);
  e.u64(header.newest_id);
  assert(e.view().size() == kSegmentHeaderBytes);
  e.u64(keyed_checksum(e.view(), header.salt));
  std::string page = e.take();
  page.resize(kPage, '\0');
  return page + page;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes, int& copies_good) {
  copies_good = 0;
  std::optional<SegmentHeader> header;
  if (bytes.size() < kFirstRecord) return header;
  for (const std::uint64_t at : {std::uint64_t{0}, kPage}) {
    std::optional<SegmentHeader> copy = decode_one(bytes.substr(at, kPage));
    if (!copy) continue;
    ++copies_good;
    if (!header) header = std::move(copy);
  }
  return header;
}

void seal_frame(std::span<char> frame, const FrameHeader& header, const Salt& salt) {
  assert(frame.size() == header.frame_bytes());
  char* at = frame.data();
  put<std::uint32_t>(at + 8, kFrameMagic);
  put<std::uint8_t>(at + 12, static_cast<std::uint8_t>(header.type));
  put<std::uint8_t>(at + 13, header.last_of_batch ? kLastOfBatch : 0);
  put<std::uint16_t>(at + 14, 0);
  put<std::uint32_t>(at + 16, header.payload_bytes);
  put<std::uint32_t>(at + 20, header.meta_bytes);
  put<std::uint64_t>(at + 24, header.sequence);
  put<std::uint64_t>(at + 32, header.offset);
  put<std::uint64_t>(at + 40, header.durable);
  const std::string_view covered(at + kChecksumBytes, frame.size() - kChecksumBytes);
  put<std::uint64_t>(at, keyed_checksum(covered, salt));
}

std::optional<FrameHeader> open_frame(std::string_view bytes, const Salt& salt,
                                      std::uint64_t sequence, std::uint64_t offset) {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  const char* at = bytes.data();
  if (take<std::uint32_t>(at + 8) != kFrameMagic) return std::nullopt;
  FrameHeader header;
  const auto type = take<std::uint8_t>(at + 12);
  if (type < static_cast<std::uint8_t>(RecordType::accepted) ||
      type > static_cast<std::uint8_t>(RecordType::body))
    return std::nullopt;
  header.type = static_cast<RecordType>(type);
  header.last_of_batch = take<std::uint8_t>(at + 13) == kLastOfBatch;
  header.payload_bytes = take<std::uint32_t>(at + 16);
  header.meta_bytes = take<std::uint32_t>(at + 20);
  header.sequence = take<std::uint64_t>(at + 24);
  header.offset = take<std::uint64_t>(at + 32);
  header.durable = take<std::uint64_t>(at + 40);
  if (header.sequence != sequence || header.offset != offset || header.durable > offset ||
      header.meta_bytes > header.payload_bytes || header.frame_bytes() > bytes.size())
    return std::nullopt;
  const std::string_view covered =
      bytes.substr(kChecksumBytes, header.frame_bytes() - kChecksumBytes);
  if (keyed_checksum(covered, salt) != take<std::uint64_t>(at)) return std::nullopt;
  return header;
}

}  // namespace toast::queue
