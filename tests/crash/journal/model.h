// What must be in the queue: the records that were acknowledged, folded into plain maps. It knows
// nothing of segments, checkpoints or places.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mta/queue/journal/journal.h"

namespace toast::queue::sim {

struct ModelMessage {
  MessageState state;
  std::string content;  // all that a reader of the message gets
};

class Model {
 public:
  // `blob_content` is what a BlobBody stands for.
  void apply(const Record& record, const std::map<MessageId, std::string>& blobs);
  const std::map<MessageId, ModelMessage>& live() const { return live_; }
  bool matches(std::span<const MessageState> recovered) const;

 private:
  void accept(const Accepted& accepted, MessageId parent,
              const std::map<MessageId, std::string>& blobs);
  std::map<MessageId, ModelMessage> live_;
};

bool same(const MessageState& a, const MessageState& b);

// The whole content of a stored body, read to its end.
Result<std::string> content_of(StoredBody stored);

}  // namespace toast::queue::sim
