// Asks toast-queued over run/queue.sock.
#pragma once

#include <memory>
#include <string>

#include "admin-cli/failure.h"
#include "admin-cli/instance.h"
#include "mta/queue/admin_messages.h"

namespace toast::admin {

class QueueClient {
 public:
  // Exit::temporary when nobody answers there.
  static Wanted<std::unique_ptr<QueueClient>> connect(const Instance& instance);
  virtual ~QueueClient() = default;
  virtual Wanted<queue::QueueList::Reply> list(queue::QueueList request) = 0;
  virtual Wanted<queue::QueueShow::Reply> show(queue::QueueShow request) = 0;
  virtual Wanted<queue::QueueStatus::Reply> status() = 0;
};

}  // namespace toast::admin
