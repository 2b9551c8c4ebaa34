#include "mta/queue/journal/index.h"

namespace toast::queue {

bool Index::add(MessageState state, BodyRef body) {
  saw(state.id);
  return messages_.insert(LiveMessage{std::move(state), std::move(body)});
}

BodyRef Index::remove(MessageId id) {
  LiveMessage* const message = messages_.find(id);
  if (message == nullptr) return {};
  BodyRef body = std::move(message->body);
  messages_.erase(id);
  if (body.is_shared()) return {};
  detach(*body);
  return body;
}

const LiveMessage* Index::walk() {
  const LiveMessage* const message = walked_to_ ? messages_.before(*walked_to_) : messages_.last();
  if (message != nullptr) walked_to_ = message->state.id;
  return message;
}

std::vector<MessageState> Index::states() const {
  std::vector<MessageState> states;
  states.reserve(messages_.size());
  for (const LiveMessage& message : messages_) states.push_back(message.state);
  return states;
}

}  // namespace toast::queue
