// One stored body and who needs it: the message it came with, and the children that refer to it.
#pragma once

#include <memory>

#include "mta/queue/journal/record_codec.h"
#include "mta/queue/journal/segment.h"

namespace toast::queue {

struct Body {
  BodyPlace place;
  Segment* segment = nullptr;  // of an inline place; null: a blob, or not there (damaged)
  std::size_t slot = 0;        // segment->bodies[slot] == this

  bool is_blob() const { return std::holds_alternative<BlobPlace>(place); }
  std::uint64_t size() const;
};

// Enters and leaves the segment's list of live bodies.
void attach(Body& body, Segment& segment);
void detach(Body& body);

// The bytes at an inline place; checks the frame. Permanent: they are damaged.
[[nodiscard]] Result<std::string> read_place(SegmentFile& file, const InlinePlace& place);

}  // namespace toast::queue
