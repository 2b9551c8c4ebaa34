#include "mta/queue/journal/body.h"

#include <cassert>

namespace toast::queue {

namespace {

constexpr unsigned kHalfBits = 32;  // of a 64-bit number

}  // namespace

BodyPlace Body::place() const {
  if (is_blob_) return BlobPlace{MessageId(file_), size()};
  return InlinePlace{{file_, block_ * kBlock}, frame_bytes_, body_offset_, body_bytes_};
}

// Frames start at blocks, so 32 bits say where.
void Body::set_place(const BodyPlace& place) {
  if (const auto* blob = std::get_if<BlobPlace>(&place)) {
    is_blob_ = true;
    file_ = blob->owner.value();
    block_ = static_cast<std::uint32_t>(blob->size);
    frame_bytes_ = static_cast<std::uint32_t>(blob->size >> kHalfBits);
    return;
  }
  const auto& in_frame = std::get<InlinePlace>(place);
  assert(in_frame.frame.offset % kBlock == 0);
  is_blob_ = false;
  file_ = in_frame.frame.sequence;
  block_ = static_cast<std::uint32_t>(in_frame.frame.offset / kBlock);
  frame_bytes_ = in_frame.frame_bytes;
  body_offset_ = in_frame.body_offset;
  body_bytes_ = in_frame.body_bytes;
}

std::uint64_t Body::size() const {
  return is_blob_ ? std::uint64_t{frame_bytes_} << kHalfBits | block_ : body_bytes_;
}

void attach(Body& body, Segment& segment) {
  assert(body.segment_ == nullptr);
  body.segment_ = &segment;
  body.slot_ = static_cast<std::uint32_t>(segment.bodies.size());
  segment.bodies.push_back(&body);
  segment.live_bytes += body.size() + kBlock;
}

void detach(Body& body) {
  if (body.segment_ == nullptr) return;
  Segment& segment = *body.segment_;
  assert(segment.bodies[body.slot_] == &body);
  segment.bodies.back()->slot_ = body.slot_;
  segment.bodies[body.slot_] = segment.bodies.back();
  segment.bodies.pop_back();
  segment.live_bytes -= body.size() + kBlock;
  body.segment_ = nullptr;
}

Result<std::string> read_place(SegmentFile& file, const InlinePlace& place) {
  Result<std::string> frame = read_exactly(*file.file, place.frame.offset, place.frame_bytes);
  if (!frame) return frame;
  const std::optional<FrameHeader> header =
      open_frame(*frame, file.header.salt, place.frame.sequence, place.frame.offset);
  if (!header || header->frame_bytes() != place.frame_bytes)
    return permanent(segment_name(place.frame.sequence) + ": the record at " +
                     std::to_string(place.frame.offset) + " is damaged");
  return frame->substr(place.body_offset, place.body_bytes);
}

}  // namespace toast::queue
