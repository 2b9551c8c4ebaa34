#include "mta/queue/journal/index.h"

#include <algorithm>

namespace toast::queue {

LiveMessage* Index::find(MessageId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

const LiveMessage* Index::find(MessageId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

bool Index::add(MessageState state, std::shared_ptr<Body> body) {
  saw(state.id);
  const auto [place, is_new] = by_id_.try_emplace(state.id, order_.end());
  if (!is_new) return false;
  order_.push_front(LiveMessage{std::move(state), std::move(body)});
  place->second = order_.begin();
  return true;
}

std::shared_ptr<Body> Index::remove(MessageId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  const Order::iterator message = found->second;
  if (cursor_ == message) ++cursor_;
  std::shared_ptr<Body> body = std::move(message->body);
  order_.erase(message);
  by_id_.erase(found);
  if (body.use_count() > 1) return nullptr;
  detach(*body);
  return body;
}

void Index::begin_walk() { cursor_ = order_.begin(); }

const LiveMessage* Index::walk() {
  if (cursor_ == order_.end()) return nullptr;
  const LiveMessage* const message = &*cursor_;
  ++cursor_;
  return message;
}

std::vector<MessageState> Index::states() const {
  std::vector<MessageState> states;
  states.reserve(order_.size());
  for (const LiveMessage& message : order_) states.push_back(message.state);
  std::ranges::sort(states, {}, &MessageState::id);
  return states;
}

}  // namespace toast::queue
