// The queue put together: store, commits, ledger, intake, deliverer, admin desk. What toast-queued
// is, minus its process; tests build the same with fakes at the ends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "mta/queue/admin_desk.h"
#include "mta/queue/commit_queue.h"
#include "mta/queue/deliverer.h"
#include "mta/queue/early_lookup.h"
#include "mta/queue/history.h"
#include "mta/queue/intake.h"
#include "mta/queue/ledger.h"
#include "mta/queue/limit_notice.h"
#include "mta/queue/local_door.h"
#include "mta/queue/operator_desk.h"
#include "mta/queue/options.h"
#include "mta/queue/remote_deliverer.h"
#include "mta/queue/sender_desk.h"
#include "mta/queue/store.h"
#include "mta/queue/takeover_desk.h"

namespace toast::queue {

class Queue {
 public:
  struct Services {
    asio::any_io_executor loop;
    Store& store;
    const Clock& clock;
    Logger& log;
    Metrics& metrics;
    ipc::Link& directory;
    ipc::Link& mailboxes;
    ipc::Link& remote;
    Filter* filter = nullptr;
    auth::TicketVerifier* tickets = nullptr;  // authd's, for submission; none: nobody can log in
    Pauses pauses{};                          // what was paused before
    Disk* sending_disk = nullptr;  // where the counts of the sending limits are kept; none: nowhere
    StoppedSenders stopped{};      // who might not send before
    std::string trace_directory{};            // empty: no events are kept
    QmailLog::Write qmail_line{};             // null: nowhere to write qmail-send's lines
    std::shared_ptr<AnswerMemory> answers{};  // null: kept in memory alone
  };
  // `newest`: the greatest id ever used. `warnings`: for the operator, shown by the status.
  Queue(Services services, const Options& options, MessageId newest,
        std::vector<std::string> warnings = {});
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Takes over what the journal found, and begins to deliver.
  void start(std::span<const MessageState> live);
  void set_options(const Options& options);
  // Looks at the schedule: the clock may have been set.
  void wake() { deliverer_.pump(); }
  // Takes nothing new, finishes what is in hand, writes every outcome.
  Task<> drain();

  std::shared_ptr<const ipc::Dispatcher> client(const std::string& peer) {
    return intake_.client(peer);
  }
  // A user of this machine has connected to run/submit.sock. None: it has too many connections.
  std::optional<PeerSocket::Guest> local_user(uid_t uid) { return local_.admit(uid); }
  std::shared_ptr<const ipc::Dispatcher> admin() const { return admin_; }
  // One connection to run/queue.sock: what admin() answers, and messages to be taken over.
  PeerSocket::Guest admin_guest();
  Ledger& ledger() { return ledger_; }
  const AdminDesk& desk() const { return desk_; }
  CommitQueue& commits() { return commits_; }

 private:
  static constexpr std::size_t kDiskThreads = 4;  // bodies read back, large bodies written
  Services services_;
  MessageIdSource ids_;
  QueueMetrics metrics_;
  asio::thread_pool pool_{kDiskThreads};
  CommitQueue commits_;
  History history_;
  Ledger ledger_;
  EarlyLookup early_;
  LocalDomains local_domains_;
  SendingDomains sending_domains_;
  SendLimits limits_;
  StoppedSenders stopped_;
  Intake intake_;
  LimitNotices limit_notices_;
  LocalDoor local_;
  Deliverer deliverer_;
  RemoteDeliverer remote_deliverer_;
  Pauses pauses_;
  AdminDesk desk_;
  OperatorDesk operator_;
  SenderDesk sender_desk_;
  TakeOverDesk take_over_;
  std::shared_ptr<ipc::Dispatcher> admin_ = std::make_shared<ipc::Dispatcher>();
};

}  // namespace toast::queue
