// Stops logins from sending and lets them send again, by an operator's word (sender_messages.h) or
// because one goes on far beyond its limit. What waits of a stopped login is held; what is being
// delivered just then is held if that fails.
#pragma once

#include <memory>
#include <string>

#include "mta/queue/ledger.h"
#include "mta/queue/send_limits.h"
#include "mta/queue/sender_messages.h"
#include "mta/queue/stopped_senders.h"

namespace toast::queue {

class SenderDesk {
 public:
  struct Services {
    asio::any_io_executor loop;
    Ledger& ledger;
    SendLimits& limits;
    StoppedSenders& stopped;
    const Clock& clock;
    Logger& log;
  };
  explicit SenderDesk(Services services) : services_(services) {}

  void serve(ipc::Dispatcher& dispatcher);
  // By ourselves, at once; the mail that waits follows. False: it was stopped already.
  bool suspend(const std::string& login, const std::string& why);

 private:
  Task<Result<StopSender::Reply>> stop(StopSender question);
  Task<Result<ShowSender::Reply>> show(ShowSender question);
  Task<Result<ListStopped::Reply>> list(ListStopped question);
  // In force when it is written down; else nothing has changed.
  [[nodiscard]] Result<void> put_in_force(StoppedSenders next);
  Task<std::uint64_t> hold_waiting(std::string login, bool dry_run);
  Task<std::uint64_t> release_held(std::string login, bool dry_run);
  Task<std::vector<MessageId>> messages_of(std::string login, bool held);
  Task<> hold_in_background(std::string login);

  Services services_;
};

}  // namespace toast::queue
