// Answers the operator's commands (operator_messages.h). Whatever goes over the whole queue is done
// in slices, so that deliveries go on while a million messages are looked at.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mta/queue/intake.h"
#include "mta/queue/ledger.h"
#include "mta/queue/operator_messages.h"
#include "mta/queue/pauses.h"
#include "mta/queue/remote_deliverer.h"
#include "mta/queue/selector.h"

namespace toast::queue {

// Messages looked at, or changed, before others have a turn.
inline constexpr std::size_t kOperatorSlice = 5000;
// Records that may wait for the disk before the next slice.
inline constexpr std::size_t kOperatorBacklog = 4096;
// Different keys counted by `top`; beyond it the rest goes under "others".
inline constexpr std::size_t kMaxTopKeys = 200'000;

class OperatorDesk {
 public:
  struct Services {
    asio::any_io_executor loop;
    Ledger& ledger;
    Intake& intake;
    RemoteDeliverer& remote;
    Pauses& pauses;
    Logger& log;
  };
  OperatorDesk(Services services, const Options& options);

  void serve(ipc::Dispatcher& dispatcher);
  void set_options(const Options& options) { routes_ = options.routes; }
  // What was paused before the restart.
  void apply_pauses();

 private:
  struct Chosen {
    MessageId id;
    std::vector<std::uint32_t> recipients;
  };
  Task<Result<QueueAct::Reply>> act(QueueAct question);
  Task<std::vector<Chosen>> choose(const Selector& selector);
  Task<QueueAct::Reply> count(const std::vector<Chosen>& chosen) const;
  void retry(const Selector& selector, const std::vector<Chosen>& chosen);
  Task<> carry_out(const QueueAct& question, const std::vector<Chosen>& chosen);
  Task<Result<ipc::Done>> pause(QueuePause question);
  Task<Result<QueueTop::Reply>> top(QueueTop question);
  Task<Result<QueueDestinations::Reply>> destinations(QueueDestinations question);

  Services services_;
  remote::Routes routes_;
};

}  // namespace toast::queue
