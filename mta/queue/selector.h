// Which messages and recipients a Selection (selection.h) is of.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "mta/queue/queued_message.h"
#include "mta/queue/selection.h"
#include "mta/remote/routes.h"

namespace toast::queue {

// Made ready for a look at every message. What it is made of must outlive it.
class Selector {
 public:
  Selector(const Selection& selection, const remote::Routes& routes, Moment now);
  bool message_matches(const QueuedMessage& message) const;
  bool recipient_matches(const QueuedMessage& message, std::uint32_t index) const;
  // Open recipients that match, when the message does.
  std::vector<std::uint32_t> choose(const QueuedMessage& message) const;
  bool any(const QueuedMessage& message) const;

 private:
  const Selection& selection_;
  const remote::Routes& routes_;
  Moment now_;
  std::unordered_set<MessageId> ids_;
  std::string reason_;  // lower case
};

}  // namespace toast::queue
