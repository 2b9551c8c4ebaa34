// Hands to toast-remoted what the schedule gives for other hosts, one transaction at a time for
// each slot, and reports to the ledger.
#pragma once

#include <chrono>
#include <string>

#include "base/async.h"
#include "base/ipc.h"
#include "mta/queue/alarm.h"
#include "mta/queue/ledger.h"
#include "mta/remote/delivery_messages.h"

namespace toast::queue {

// How often remoted is looked for while it is away and something waits for it.
inline constexpr std::chrono::milliseconds kRemotePoll{50};
// remoted ends every transaction itself, well before this.
inline constexpr std::chrono::hours kRemoteTimeout{2};

class RemoteDeliverer {
 public:
  struct Services {
    asio::any_io_executor loop;
    Ledger& ledger;
    const Clock& clock;
    Logger& log;
    ipc::Link& remote;  // toast-remoted
  };
  explicit RemoteDeliverer(Services services)
      : services_(services), alarm_(services.loop, [this] { pump(); }) {}
  RemoteDeliverer(const RemoteDeliverer&) = delete;
  RemoteDeliverer& operator=(const RemoteDeliverer&) = delete;

  // Starts whatever can be started now.
  void pump();
  void stop() { stopped_ = true; }
  void set_paused(bool paused) { paused_ = paused; }
  bool is_away() const { return !services_.remote.connected(); }

 private:
  Task<> deliver(RemoteWork work);
  struct Ended {
    remote::DeliverRemote::Reply reply;
    Contact contact = Contact::unknown;
  };
  // An error: remoted went away, the attempt did not happen.
  Task<Result<Ended>> attempt(const RemoteWork& work);
  // The same for all recipients, and nothing learned about the destination.
  static Ended deferred(const RemoteWork& work, const std::string& text);
  Result<remote::DeliverRemote> request_for(const RemoteWork& work, StoredBody body) const;
  void finish(const RemoteWork& work, Moment started, Ended ended);

  Services services_;
  bool stopped_ = false;
  bool paused_ = false;  // by the operator
  Alarm alarm_;          // for a probe that is due, or for remoted while it is away
};

}  // namespace toast::queue
