#include "mta/queue/kept_bodies.h"

#include <memory>
#include <utility>

namespace toast::queue {

KeptBodies::KeptBodies(const MessageTable& messages, const Clock& clock, Store& store,
                       asio::thread_pool& pool)
    : messages_(messages), clock_(clock), store_(store), pool_(pool) {}

void KeptBodies::keep(QueuedMessage& message, std::string bytes, MemoryShare share) {
  message.content = std::make_unique<Content>(std::move(bytes), std::move(share));
  oldest_first_.push_back({message.id, clock_.steady()});
}

void KeptBodies::drop_old() {
  const SteadyTime newest = clock_.steady() - kBodyPatience;
  for (; !oldest_first_.empty() && oldest_first_.front().since <= newest;
       oldest_first_.pop_front()) {
    const auto* found = messages_.find(oldest_first_.front().message);
    if (found) found->second->content.reset();
  }
}

Task<Result<StoredBody>> KeptBodies::read(MessageId id) {
  const auto* found = messages_.find(id);
  if (found && found->second->content) {
    QueuedMessage& message = *found->second;
    StoredBody body;
    if (message.recipients.size() == 1) {  // nobody else will want it; a second attempt reads back
      body.bytes = std::move(message.content->bytes);
      message.content.reset();
    } else {
      body.bytes = message.content->bytes;
    }
    co_return std::move(body);
  }
  Store& store = store_;
  co_return co_await run_blocking(pool_, [&store, id] { return store.read_body(id); });
}

}  // namespace toast::queue
