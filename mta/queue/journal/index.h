// What is live: every message's state and where its body is. In memory only; rebuilt at open from
// a checkpoint and the records after it. Not synchronised: the journal holds its lock.
#pragma once

#include <optional>
#include <vector>

#include "mta/queue/journal/body.h"
#include "mta/queue/journal/record.h"
#include "mta/queue/journal/sorted_blocks.h"

namespace toast::queue {

struct LiveMessage {
  MessageState state;
  BodyRef body;  // never null
};

// What find() and walk() return is good until the next add() or remove().
class Index {
 public:
  LiveMessage* find(MessageId id) { return messages_.find(id); }
  const LiveMessage* find(MessageId id) const { return messages_.find(id); }
  std::size_t size() const { return messages_.size(); }
  MessageId newest() const { return newest_; }
  void saw(MessageId id) { newest_ = std::max(newest_, id); }

  // False, and nothing happens, if the id is live already.
  bool add(MessageState state, BodyRef body);
  // Forgets the message. Returns its body if that was the last message that needed it; it has left
  // its segment then. Null: not live, or the body is shared.
  BodyRef remove(MessageId id);

  // A walk over all that is live when it begins, newest first, so that it does not run after what
  // arrives; what is added meanwhile may be left out, what is removed meanwhile is. One at a time.
  void begin_walk() { walked_to_.reset(); }
  const LiveMessage* walk();  // null: the end

  std::vector<MessageState> states() const;  // by id

 private:
  struct IdOf {
    MessageId operator()(const LiveMessage& message) const { return message.state.id; }
  };
  SortedBlocks<LiveMessage, IdOf> messages_;
  std::optional<MessageId> walked_to_;
  MessageId newest_;
};

}  // namespace toast::queue
