#include "mta/queue/journal/checkpoint.h"

#include <algorithm>

namespace toast::queue {
namespace {

constexpr std::string_view kMagic = "toastckp";
constexpr std::uint64_t kChunkHeaderBytes = 24;  // checksum, kind, length, number
constexpr std::uint64_t kMaxSliceBytes = 64 * 1024 * 1024;
constexpr std::uint8_t kHeaderChunk = 1;
constexpr std::uint8_t kMessagesChunk = 2;
constexpr std::uint8_t kEndChunk = 3;

// The first chunk is read before the salt is known, so it carries the salt in front of it.
constexpr std::uint64_t kPreambleBytes = kMagic.size() + kIdBytes;

std::string encode_header(const CheckpointHeader& header) {
  Encoder e;
  e.u32(kFormatVersion);
  e.u64(header.number);
  e.bytes(header.queue_id);
  e.u64(header.replay.sequence);
  e.u64(header.replay.offset);
  e.u64(header.next_sequence);
  e.u64(header.newest_id.value());
  e.i64(header.begun_at);
  return e.take();
}

Result<CheckpointHeader> decode_header(std::string_view payload) {
  Decoder d(payload);
  if (d.u32() != kFormatVersion) d.fail("another format version");
  CheckpointHeader header;
  header.number = d.u64();
  header.queue_id = d.string(kIdBytes);
  if (header.queue_id.size() != kIdBytes) d.fail("no queue id");
  header.replay.sequence = d.u64();
  header.replay.offset = d.u64();
  header.next_sequence = d.u64();
  header.newest_id = MessageId(d.u64());
  header.begun_at = d.i64();
  if (auto done = d.finish("checkpoint header"); !done) return pass(done);
  return header;
}

std::string encode_end(std::uint64_t total) {
  Encoder e;
  e.u64(total);
  return e.take();
}

}  // namespace

std::string checkpoint_name(std::uint64_t number) {
  std::string name = segment_name(number);
  return "checkpoint" + name.substr(name.find('.'));
}

Result<CheckpointWriter> CheckpointWriter::begin(Disk& disk, Random& random,
                                                 CheckpointHeader header) {
  CheckpointWriter writer;
  writer.header_ = std::move(header);
  random.fill(writer.salt_);
  writer.temporary_name_ = checkpoint_name(random.u64()) + ".tmp";
  Result<std::unique_ptr<DiskFile>> file = disk.create(writer.temporary_name_);
  if (!file) return pass(file);
  writer.file_ = std::move(*file);
  std::string preamble(kMagic);
  preamble.append(reinterpret_cast<const char*>(writer.salt_.data()), kIdBytes);
  if (auto done = write_all(*writer.file_, 0, preamble); !done) return pass(done);
  writer.offset_ = kPreambleBytes;
  auto done = writer.write_chunk(kHeaderChunk, encode_header(writer.header_));
  if (!done) return pass(done);
  return writer;
}

void CheckpointWriter::add(const LiveMessage& message) {
  encode_snapshot(messages_, message.state, message.body->place(), message.body.is_shared());
  ++in_slice_;
}

Result<void> CheckpointWriter::write_slice() {
  if (in_slice_ > 0) {
    Encoder count;
    count.u32(in_slice_);
    std::string payload = count.take();
    payload += messages_.take();
    messages_ = Encoder();
    total_ += in_slice_;
    in_slice_ = 0;
    if (auto done = write_chunk(kMessagesChunk, payload); !done) return done;
  }
  return file_->sync_data();
}

Result<void> CheckpointWriter::publish(Disk& disk) {
  if (auto done = write_chunk(kEndChunk, encode_end(total_)); !done) return done;
  if (auto done = file_->sync_data(); !done) return done;
  if (auto done = disk.rename(temporary_name_, checkpoint_name(header_.number)); !done) return done;
  return disk.sync_directory();
}

// What stays is swept at the next open.
void CheckpointWriter::abandon(Disk& disk) { (void)disk.unlink(temporary_name_); }

Result<void> CheckpointWriter::write_chunk(std::uint8_t kind, std::string_view payload) {
  Encoder covered;
  covered.u32(kind);
  covered.u32(static_cast<std::uint32_t>(payload.size()));
  covered.u64(chunks_);
  std::string rest = covered.take();
  rest += payload;
  Encoder chunk;
  chunk.u64(keyed_checksum(rest, salt_));
  std::string bytes = chunk.take();
  bytes += rest;
  if (auto done = write_all(*file_, offset_, bytes); !done) return done;
  offset_ += bytes.size();
  ++chunks_;
  return {};
}

Result<CheckpointReader> CheckpointReader::open(std::unique_ptr<DiskFile> file) {
  CheckpointReader reader;
  reader.file_ = std::move(file);
  Result<std::uint64_t> size = reader.file_->size();
  if (!size) return pass(size);
  reader.size_ = *size;
  Result<std::string> preamble = read_exactly(*reader.file_, 0, kPreambleBytes);
  if (!preamble) return pass(preamble);
  if (!preamble->starts_with(kMagic)) return permanent("not a checkpoint");
  std::copy_n(preamble->begin() + kMagic.size(), kIdBytes, reader.salt_.begin());
  reader.offset_ = kPreambleBytes;
  Result<Chunk> first = reader.read_chunk();
  if (!first) return pass(first);
  if (first->kind != kHeaderChunk) return permanent("a checkpoint without a header");
  Result<CheckpointHeader> header = decode_header(first->payload);
  if (!header) return pass(header);
  reader.header_ = std::move(*header);
  return reader;
}

Result<CheckpointReader::Chunk> CheckpointReader::read_chunk() {
  Result<std::string> head = read_exactly(*file_, offset_, kChunkHeaderBytes);
  if (!head) return pass(head);
  Decoder d(*head);
  const std::uint64_t checksum = d.u64();
  const std::uint32_t kind = d.u32();
  const std::uint32_t length = d.u32();
  const std::uint64_t number = d.u64();
  if (length > kMaxSliceBytes || length > size_ || number != chunks_)
    return permanent("damaged at byte " + std::to_string(offset_));
  Result<std::string> bytes = read_exactly(*file_, offset_ + 8, kChunkHeaderBytes - 8 + length);
  if (!bytes) return pass(bytes);
  if (keyed_checksum(*bytes, salt_) != checksum)
    return permanent("damaged at byte " + std::to_string(offset_));
  offset_ += kChunkHeaderBytes + length;
  ++chunks_;
  return Chunk{static_cast<std::uint8_t>(kind), bytes->substr(kChunkHeaderBytes - 8)};
}

Result<bool> CheckpointReader::read_slice(std::vector<Snapshot>& out) {
  Result<Chunk> chunk = read_chunk();
  if (!chunk) return pass(chunk);
  const std::size_t before = out.size();
  if (chunk->kind == kMessagesChunk) {
    if (auto done = decode_slice(chunk->payload, out); !done) return pass(done);
    total_ += out.size() - before;
    return true;
  }
  if (chunk->kind != kEndChunk || chunk->payload != encode_end(total_))
    return permanent("a checkpoint without an end");
  return false;
}

Result<void> decode_slice(std::string_view payload, std::vector<Snapshot>& out) {
  Decoder d(payload);
  const std::uint32_t count = d.u32();
  for (std::uint32_t i = 0; i < count && d.ok(); ++i) out.push_back(decode_snapshot(d));
  return d.finish("checkpoint slice");
}

}  // namespace toast::queue
