// Messages on their way in: submissions from smtpd (submit_messages.h) and of local users
// (local_door.h), from the first byte to the promise. The order:
//
//   collect (memory, or a file beyond the bounds) -> verdict -> room on disk -> room in the
//   schedule
//   -> body file durable -> record durable -> Done
//
// Who may send to other hosts: a connection of smtpd whose login authd's ticket has shown, a client
// in relaynetworks, a user of this machine. smtpd has asked that already; it is asked again,
// because smtpd speaks with strangers.
//
// What a client can do at worst: fill its own share of submissions, submit junk, say that a
// stranger is in relaynetworks, or reuse the id of a dead message. Ids of live ones are refused by
// the journal.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "auth/ticket.h"
#include "base/async.h"
#include "base/ipc.h"
#include "mta/queue/early_lookup.h"
#include "mta/queue/filter.h"
#include "mta/queue/ledger.h"
#include "mta/queue/local_domains.h"
#include "mta/queue/memory_budget.h"
#include "mta/queue/send_limits.h"
#include "mta/queue/stopped_senders.h"
#include "mta/queue/store.h"
#include "mta/queue/submit_messages.h"

namespace toast::queue {

// Of one client at a time: more than the connections of one smtpd.
inline constexpr std::size_t kMaxOpenSubmissions = 100'000;
// What smtpd may add in front of a message of the largest size.
inline constexpr std::uint64_t kTraceAllowance = 8192;
// The longest delays of a 250: while deliveries catch up, and beyond the high water mark. Well
// below the patience of smtpd, and long enough to slow any number of clients down.
inline constexpr std::chrono::milliseconds kCrowdedDelay{2000};
inline constexpr std::chrono::milliseconds kHighWaterDelay{10000};

class Intake {
 public:
  struct Services {
    asio::any_io_executor loop;
    asio::thread_pool& pool;  // for body files
    Store& store;
    CommitQueue& commits;
    Ledger& ledger;
    EarlyLookup& early;
    const Clock& clock;
    Logger& log;
    LocalDomains& local_domains;
    SendingDomains& sending_domains;
    SendLimits& limits;
    const StoppedSenders& stopped;
    auth::TicketVerifier* tickets = nullptr;  // none: nobody can log in
    Filter* filter = nullptr;                 // none: everything is accepted
  };
  Intake(Services services, const Options& options);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // What a new client is answered. What it had open is dropped with the dispatcher.
  std::shared_ptr<const ipc::Dispatcher> client(const std::string& peer);

  // For a door of another kind: a message whose envelope comes with its end. Let go of before
  // close_local(): nothing is kept. Success of that: on stable storage.
  struct Submission;
  std::shared_ptr<Submission> open(MessageId id);
  Task<Result<void>> append(std::shared_ptr<Submission> submission, std::string bytes);
  Task<Result<void>> close_local(std::shared_ptr<Submission> submission, SubmitBegin envelope,
                                 bool is_double_bounce, std::string last_bytes);

  void set_options(const Options& options);
  void close() { closed_ = true; }  // shutting down: nothing new is promised
  void set_paused(bool paused) { paused_ = paused; }
  // Forgets every submission that has not ended, and removes its file.
  void drop_all();
  // Deliveries may have caught up.
  void room_again();
  // Why nothing is accepted now, if so: the reply is the peer's.
  std::optional<Error> refusal(std::uint64_t size_bytes) const;
  std::uint64_t under_way() const { return under_way_; }

 private:
  struct Client;

  void begin(Client& client, SubmitBegin begin);
  Task<Result<ipc::Done>> chunk(std::shared_ptr<Client> client, SubmitChunk chunk);
  Task<Result<ipc::Done>> end(std::shared_ptr<Client> client, SubmitEnd end);
  Task<Result<ipc::Done>> check_space(std::shared_ptr<Client> client, CheckSpace question);
  Task<Result<ipc::Done>> redeem(std::shared_ptr<Client> client, RedeemTicket message);
  Task<Result<std::size_t>> count_elsewhere(std::shared_ptr<Submission> submission);
  Task<Result<void>> count(std::shared_ptr<Submission> submission, std::vector<SendLimitOf> limits);
  Task<Result<void>> may_send(std::shared_ptr<Client> client,
                              std::shared_ptr<Submission> submission);

  Task<Result<void>> complete(std::shared_ptr<Submission> submission, std::string last_bytes);
  Task<Result<void>> append_to_file(std::shared_ptr<Submission> submission, std::string bytes);
  Task<Result<void>> take_turn(std::shared_ptr<Submission> submission);
  Task<Result<void>> finish(std::shared_ptr<Submission> submission);
  Task<Result<void>> judge(std::shared_ptr<Submission> submission);
  Task<> wait_for_room();
  Task<Result<void>> promise(std::shared_ptr<Submission> submission);

  Services services_;
  Options options_;
  MemoryBudget budget_;
  bool closed_ = false;
  bool paused_ = false;          // by the operator
  std::uint64_t under_way_ = 0;  // between SubmitEnd and its answer
  std::uint64_t waiting_for_room_ = 0;
  asio::steady_timer room_;
  std::vector<std::weak_ptr<Client>> clients_;
};

}  // namespace toast::queue
