#include "mta/queue/journal/segment_writer.h"

#include <cassert>

namespace toast::queue {

bool SegmentWriter::fits(std::uint64_t frame_bytes) const {
  const std::uint64_t wanted = round_up(buffer_.size() + frame_bytes, kPage);
  return wanted <= segment_->room() && (buffer_.empty() || wanted <= max_write_);
}

Position SegmentWriter::add(RecordType type, std::string_view meta,
                            std::span<const std::string_view> bodies) {
  FrameHeader frame;
  frame.type = type;
  frame.meta_bytes = static_cast<std::uint32_t>(meta.size());
  frame.payload_bytes = frame.meta_bytes;
  for (const std::string_view body : bodies)
    frame.payload_bytes += static_cast<std::uint32_t>(body.size());
  frame.sequence = segment_->sequence();
  frame.offset = segment_->end + buffer_.size();
  frame.durable = segment_->end;
  buffer_.append(kFrameHeaderBytes, '\0').append(meta);
  for (const std::string_view body : bodies) buffer_.append(body);
  buffer_.resize(round_up(buffer_.size(), kBlock), '\0');
  frames_.push_back(frame);
  return Position{frame.sequence, frame.offset};
}

Result<void> SegmentWriter::flush() {
  if (frames_.empty()) return {};
  frames_.back().last_of_batch = true;
  for (const FrameHeader& frame : frames_)
    seal_frame({buffer_.data() + (frame.offset - segment_->end), frame.frame_bytes()}, frame,
               segment_->file->header.salt);
  buffer_.resize(round_up(buffer_.size(), kPage), '\0');
  assert(buffer_.size() <= segment_->room());
  Result<void> done = write_and_sync();
  if (done) {
    segment_->end += buffer_.size();
  } else {
    segment_->sealed = segment_->suspect = true;
  }
  buffer_.clear();
  frames_.clear();
  return done;
}

Result<void> SegmentWriter::write_and_sync() {
  DiskFile& file = *segment_->file->file;
  if (auto done = write_all(file, segment_->end, buffer_); !done) return pass(done, "journal");
  if (auto done = file.sync_data(); !done) return pass(done, "journal");
  return {};
}

}  // namespace toast::queue
