// What the parts of the journal share. Private to mta/queue/journal.
//
// Who may touch it: only the committer thread changes anything, and it takes `mutex` to change the
// index, a body's place or `status`. Other threads take it to look. So the committer may look
// without it.
#pragma once

#include <mutex>

#include "mta/queue/journal/index.h"
#include "mta/queue/journal/journal.h"
#include "mta/queue/journal/segment.h"

namespace toast::queue {

struct Core {
  Core(Disk& d, const Clock& c, Random& r, JournalOptions o)
      : disk(d), clock(c), random(r), options(o), store(d, c, r, o.segment_bytes) {}

  Disk& disk;
  const Clock& clock;
  Random& random;
  const JournalOptions options;
  mutable std::mutex mutex;
  Index index;
  SegmentStore store;
  Segment* active = nullptr;  // where commits go
  std::uint64_t checkpoints_begun = 0;
  JournalStatus status;
};

}  // namespace toast::queue
