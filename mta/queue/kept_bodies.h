// Content of messages that waits for its first deliveries in memory. Everything else is read back
// from the store.
#pragma once

#include <chrono>
#include <deque>
#include <string>

#include "base/async.h"
#include "base/clock.h"
#include "mta/queue/queued_message.h"
#include "mta/queue/store.h"

namespace toast::queue {

// A body that has waited for so long is not next: it gives up its memory to mail that may be, and
// is read back when its time comes. Else what waits for hosts that are down, or for an operator,
// would keep all new mail out of memory.
inline constexpr std::chrono::seconds kBodyPatience{10};

class KeptBodies {
 public:
  // `messages`: what is in the queue, by which old bodies are found. All outlive this.
  KeptBodies(const MessageTable& messages, const Clock& clock, Store& store,
             asio::thread_pool& pool);

  void keep(QueuedMessage& message, std::string bytes, MemoryShare share);
  void drop_old();
  // From memory, or read back; large bodies only as a file (StoredBody::blob).
  Task<Result<StoredBody>> read(MessageId id);

 private:
  struct Kept {
    MessageId message;
    SteadyTime since;
  };
  const MessageTable& messages_;
  const Clock& clock_;
  Store& store_;
  asio::thread_pool& pool_;        // reads from the disk
  std::deque<Kept> oldest_first_;  // of some the message has given it up already
};

}  // namespace toast::queue
