// The queue of an instance, over its run/submit.sock.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/ipc_client.h"
#include "mta/compat/message_sink.h"

namespace toast::compat {

// While toastd runs its sockets take connections, whatever queued is doing: a restart of queued is
// waited for, and so is a place among the connections of this user.
inline constexpr std::chrono::seconds kOpenPatience{60};
inline constexpr std::chrono::milliseconds kCrowdedPause{100};
inline constexpr std::chrono::minutes kSubmitPatience{10};  // for one piece, and for the promise

class QueueSink final : public MessageSink {
 public:
  [[nodiscard]] static Taken<std::unique_ptr<QueueSink>> connect(const std::string& root);

  Taken<void> write(std::string_view bytes) override;
  Taken<std::string> finish(EnvelopeText envelope) override;

 private:
  QueueSink(std::unique_ptr<ipc::BlockingClient> queued, std::string id)
      : queued_(std::move(queued)), id_(std::move(id)) {}
  Taken<void> send_piece();

  std::unique_ptr<ipc::BlockingClient> queued_;
  std::string id_;
  std::string pending_;  // below one chunk
};

}  // namespace toast::compat
