#include "mta/queue/journal/body.h"

#include <cassert>

namespace toast::queue {

std::uint64_t Body::size() const {
  if (const auto* blob = std::get_if<BlobPlace>(&place)) return blob->size;
  return std::get<InlinePlace>(place).body_bytes;
}

void attach(Body& body, Segment& segment) {
  assert(body.segment == nullptr);
  body.segment = &segment;
  body.slot = segment.bodies.size();
  segment.bodies.push_back(&body);
  segment.live_bytes += body.size() + kBlock;
}

void detach(Body& body) {
  if (body.segment == nullptr) return;
  Segment& segment = *body.segment;
  assert(segment.bodies[body.slot] == &body);
  segment.bodies.back()->slot = body.slot;
  segment.bodies[body.slot] = segment.bodies.back();
  segment.bodies.pop_back();
  segment.live_bytes -= body.size() + kBlock;
  body.segment = nullptr;
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
