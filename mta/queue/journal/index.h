// What is live: every message's state and where its body is. In memory only; rebuilt at open from
// a checkpoint and the records after it. Not synchronised: the journal holds its lock.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "mta/queue/journal/body.h"
#include "mta/queue/journal/record.h"

namespace toast::queue {

struct LiveMessage {
  MessageState state;
  std::shared_ptr<Body> body;  // never null
};

class Index {
 public:
  LiveMessage* find(MessageId id);
  const LiveMessage* find(MessageId id) const;
  std::size_t size() const { return by_id_.size(); }
  MessageId newest() const { return newest_; }
  void saw(MessageId id) { newest_ = std::max(newest_, id); }

  // False, and nothing happens, if the id is live already.
  bool add(MessageState state, std::shared_ptr<Body> body);
  // Forgets the message. Returns its body if that was the last message that needed it; it has left
  // its segment then. Null: not live, or the body is shared.
  std::shared_ptr<Body> remove(MessageId id);

  // A walk over all that is live when it begins; what is added meanwhile may be left out, what is
  // removed meanwhile is. One walk at a time.
  void begin_walk();
  const LiveMessage* walk();  // null: the end

  std::vector<MessageState> states() const;  // by id

 private:
  using Order = std::list<LiveMessage>;
  Order order_;  // newest first, so that a walk does not run after what arrives
  std::unordered_map<MessageId, Order::iterator> by_id_;
  Order::iterator cursor_ = order_.end();
  MessageId newest_;
};

}  // namespace toast::queue
