#include "admin-cli/queue_client.h"

#include <asio/io_context.hpp>

#include "admin-cli/program_socket.h"
#include "base/ipc.h"

namespace toast::admin {
namespace {

constexpr std::chrono::seconds kPatience{10};
// A search reads the whole event store, twice.
constexpr std::chrono::seconds kSearchPatience{120};

class SocketQueueClient final : public QueueClient {
 public:
  explicit SocketQueueClient(Fd socket)
      : channel_(ipc::Channel::open(io_.get_executor(), std::move(socket), "toast-queued")) {
    channel_->start(nullptr, [](const Error&) {});
  }
  ~SocketQueueClient() override { channel_->close("done"); }

  Wanted<queue::QueueList::Reply> list(queue::QueueList request) override { return ask(request); }
  Wanted<queue::QueueShow::Reply> show(queue::QueueShow request) override { return ask(request); }
  Wanted<queue::TraceQuery::Reply> trace(queue::TraceQuery request) override {
    return ask(std::move(request), kSearchPatience);
  }
  Wanted<queue::QueueStatus::Reply> status() override { return ask(queue::QueueStatus{}); }
  Wanted<queue::QueueAct::Reply> act(queue::QueueAct request) override { return ask(request); }
  Wanted<ipc::Done> pause(queue::QueuePause request) override { return ask(request); }
  Wanted<queue::QueueTop::Reply> top(queue::QueueTop request) override { return ask(request); }
  Wanted<queue::QueueDestinations::Reply> destinations(queue::QueueDestinations request) override {
    return ask(request);
  }

 private:
  template <class Request>
  Wanted<typename Request::Reply> ask(Request request, std::chrono::seconds patience = kPatience) {
    std::optional<Result<typename Request::Reply>> reply;
    auto calling = channel_->call(std::move(request), patience);
    asio::co_spawn(io_, std::move(calling),
                   [&reply](std::exception_ptr, Result<typename Request::Reply> result) {
                     reply.emplace(std::move(result));
                   });
    io_.restart();
    while (!reply && io_.run_one() > 0) {
    }
    if (!reply)
      return fail(Exit::temporary, "queued_silent", "toast-queued does not answer", "queue");
    if (*reply) return std::move(**reply);
    const Error& error = reply->error();
    if (error.failure == toast::Failure::permanent)
      return fail(Exit::not_found, "message_not_found", error.detail);
    return fail(Exit::temporary, "queued_failed", error.detail, "queue", "try again");
  }

  asio::io_context io_{1};
  std::shared_ptr<ipc::Channel> channel_;
};

}  // namespace

std::string_view phase_name(queue::RecipientPhase phase) {
  switch (phase) {
    case queue::RecipientPhase::waiting:
      return "waiting";
    case queue::RecipientPhase::in_hand:
      return "in hand";
    case queue::RecipientPhase::deferred:
      return "deferred";
    case queue::RecipientPhase::delivered:
      return "delivered";
    case queue::RecipientPhase::held:
      return "held";
    case queue::RecipientPhase::failed:
      return "failed";
  }
  return "unknown";
}

Wanted<Fd> connect_to_queued(const Instance& instance) {
  return connect_to_program(instance, kQueuedSocket, "so the queue cannot be read");
}

Wanted<std::unique_ptr<QueueClient>> QueueClient::connect(const Instance& instance) {
  Wanted<Fd> socket = connect_to_queued(instance);
  if (!socket) return tl::unexpected(socket.error());
  return std::make_unique<SocketQueueClient>(std::move(*socket));
}

}  // namespace toast::admin
