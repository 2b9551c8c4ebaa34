// Asks toast-queued over run/queue.sock.
#pragma once

#include <memory>
#include <string>

#include "admin-cli/failure.h"
#include "admin-cli/instance.h"
#include "admin-cli/program_socket.h"
#include "base/fd.h"
#include "mta/queue/admin_messages.h"
#include "mta/queue/operator_messages.h"
#include "mta/queue/trace_messages.h"

namespace toast::admin {

inline constexpr ProgramSocket kQueuedSocket{queue::kAdminSocket, "toast-queued"};

std::string_view phase_name(queue::RecipientPhase phase);

// Exit::temporary when nobody answers there.
Wanted<Fd> connect_to_queued(const Instance& instance);

class QueueClient {
 public:
  // Exit::temporary when nobody answers there.
  static Wanted<std::unique_ptr<QueueClient>> connect(const Instance& instance);
  virtual ~QueueClient() = default;
  virtual Wanted<queue::QueueList::Reply> list(queue::QueueList request) = 0;
  virtual Wanted<queue::QueueShow::Reply> show(queue::QueueShow request) = 0;
  virtual Wanted<queue::QueueStatus::Reply> status() = 0;
  virtual Wanted<queue::TraceQuery::Reply> trace(queue::TraceQuery request) = 0;
  virtual Wanted<queue::QueueAct::Reply> act(queue::QueueAct request) = 0;
  virtual Wanted<ipc::Done> pause(queue::QueuePause request) = 0;
  virtual Wanted<queue::QueueTop::Reply> top(queue::QueueTop request) = 0;
  virtual Wanted<queue::QueueDestinations::Reply> destinations(
      queue::QueueDestinations request) = 0;
};

}  // namespace toast::admin
