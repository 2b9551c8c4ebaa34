// The messages in the queue and what has become of them: the table, the schedule, and the records
// that make every change durable. Nobody else writes outcomes.
//
// Which records a recipient costs:
//   the last open recipient    one Compound: its outcome, what it creates (a forward's child, the
//                              bounce for all that failed), and the end of the message
//   any other                  one Outcome, or a Compound when it creates a child
//   a deferral                 one Deferral
// An outcome is written after the fact, in the next batch: a crash in between repeats a delivery,
// which maild recognises by its name, or repeats a forward, which is atomic with its outcome and so
// has not happened.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mta/message/message_id.h"
#include "mta/message/next_hop.h"
#include "mta/queue/commit_queue.h"
#include "mta/queue/kept_bodies.h"
#include "mta/queue/observer.h"
#include "mta/queue/options.h"
#include "mta/queue/queued_message.h"
#include "mta/queue/report.h"
#include "mta/queue/scheduler.h"
#include "mta/queue/store.h"

namespace toast::queue {

// Deliveries that a process died over before it counts as a deferral: one message must not kill a
// keeper for ever.
inline constexpr std::uint8_t kMaxGivenBack = 3;
// Records that may wait for the disk before no delivery is started: outcomes must not run away
// from the journal.
inline constexpr std::size_t kMaxUnwritten = 8192;
// After a longer time without a look (the machine slept) the senders of what has piled up are not
// written to all at once.
inline constexpr std::chrono::hours kLongestDelaySweep{1};
// Recipients named in one warning.
inline constexpr std::size_t kMaxReportedDelays = 1000;
// Untried recipients per delivery slot beyond which the 250 of new mail is delayed: a body stays in
// memory until then, and whoever measures sees delivered mail, not accepted mail.
inline constexpr std::uint64_t kCrowdedPerSlot = 16;

// Why a message is held that another queue had: until its client has noted that it is here
// (takeover_messages.h), what it was held for there behind it; and until all its records are.
inline constexpr std::string_view kUnconfirmed =
    "its take-over was cut off before toastctl noted it: run that again";
inline constexpr std::string_view kHalfTaken =
    "its take-over was cut off: run it again, and do not release this one";

// What one attempt came to, for one instruction or for the recipient as a whole.
struct StepResult {
  enum class Kind : std::uint8_t { delivered, failed, deferred };
  std::uint32_t instruction = kWholeRecipient;
  Kind kind = Kind::delivered;
  std::string text;         // for the sender: "5.1.1 no mailbox here by that name"
  std::string detail;       // for the log: a file name, a remote host, what failed
  bool passed_dsn = false;  // the next host took over the reports that were asked for
};
struct Attempt {
  std::vector<StepResult> steps;
  std::optional<Accepted> child;  // created together with the results
  std::optional<Accepted> reply;  // an automatic answer: the same
};

struct QueueMetrics {
  explicit QueueMetrics(Metrics& metrics);
  Counter accepted, deliveries, deferrals, failures, bounces, discarded_bounces, forwards, replies,
      batches;
  Gauge messages, in_hand, deferred;
};

class Ledger {
 public:
  struct Services {
    asio::any_io_executor loop;
    asio::thread_pool& pool;  // for reading bodies
    Store& store;
    CommitQueue& commits;
    const Clock& clock;
    Logger& log;
    MessageIdSource& ids;
    QueueMetrics& metrics;
    Observer& observer;
  };
  Ledger(Services services, const Options& options);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // What the journal found at start.
  void load(std::span<const MessageState> live);
  void set_options(const Options& options);
  // Called when there may be something to deliver that was not there before.
  void on_work(std::function<void()> callee) { on_work_ = std::move(callee); }

  // Durable when it returns well. The share of memory is kept with the body until the first
  // deliveries are over; one of no bytes says not to keep the body.
  Task<Result<void>> accept(Accepted accepted, std::uint64_t size_bytes, MemoryShare share);

  // A message from another queue: Accepted, then what had become of its recipients there. Durable
  // when it returns well, and held until it is confirmed.
  Task<Result<void>> take_over(std::vector<Record> records, std::uint64_t size_bytes);
  void confirm_taken(MessageId id);
  // Of its records a crash had cut off some: it is as if it had not come.
  Task<Result<void>> drop_half_taken(MessageId id);

  // Work to do now. Nothing once the journal has failed.
  std::optional<Work> next();
  std::optional<RemoteWork> next_remote();
  // It does not go to another host: its delivery here begins.
  void begin_local(const Work& work);
  // When next(), or next_remote(), may have something that it has not now. None while nothing may
  // be delivered: what ends that calls on_work().
  std::optional<Moment> next_due() const;
  std::optional<Moment> next_remote_due() const;
  Moment now() const { return std::chrono::floor<std::chrono::seconds>(services_.clock.wall()); }

  // Fixes the instructions of a recipient for good.
  Task<Result<void>> freeze(Work work, std::vector<std::string> instructions);
  // The attempt of `work` that began at `started` is over.
  void record(const Work& work, Moment started, Attempt attempt);
  // Some of its frozen instructions are done, none is to be tried again: it goes on
  // to_destination().
  void record_part(const Work& work, Moment started, Attempt attempt);
  // The process that worked on it is gone.
  void give_back(const Work& work, Moment started, const std::string& why);
  void give_back(const RemoteWork& work, Moment started, const std::string& why);
  // It goes to another host: later, from next_remote().
  void to_destination(const Work& work, const NextHop& next_hop);
  // After the results of all its works are recorded.
  void batch_over(const RemoteWork& work, Contact contact, const std::string& why);

  // --- the operator (ledger_control.cc); what is written is durable after written()
  // Deferred recipients for which `which` are tried now. Returns how many.
  std::uint64_t retry(
      const std::function<bool(const QueuedMessage&, std::uint32_t recipient)>& which);
  // Takes messages out of the schedule for what follows: one pass over all that waits, however many
  // there are. hold() leaves them there, give_up() and put_back() return what is left.
  void set_aside(const std::function<bool(MessageId)>& which);
  void put_back(const QueuedMessage& message);
  void hold(MessageId id, const std::string& reason);
  void release(MessageId id);
  // Of a message that is set aside. What is in hand is given up if its attempt fails.
  void give_up(MessageId id, std::span<const std::uint32_t> recipients, GiveUp manner,
               const std::string& reason);
  void look_again() {  // there may be something to deliver
    if (on_work_) on_work_();
  }
  Task<> written() { return services_.commits.settle(); }
  std::size_t unwritten() const { return services_.commits.backlog(); }
  Destinations& destinations() { return scheduler_.destinations(); }

  // Content in memory, or read back; large bodies only as a file (StoredBody::blob).
  Task<Result<StoredBody>> read_body(MessageId id) { return bodies_.read(id); }

  // Tells the senders of what has waited for `delaywarning`. Call it every minute or so.
  void warn_of_delays();

  const MessageTable& messages() const { return messages_; }
  std::shared_ptr<QueuedMessage> find(MessageId id) const;
  const Scheduler::Counts& counts() const { return scheduler_.counts(); }
  const Destinations& destinations() const { return scheduler_.destinations(); }
  // The 250 of new mail is to wait.
  bool is_crowded() const;
  bool is_over_high_water() const { return messages_.size() > options_.high_water; }
  // Nothing in hand and every record written.
  Task<> settle();

 private:
  // One that is in the queue.
  const std::shared_ptr<QueuedMessage>& at(MessageId id) const {
    return messages_.find(id)->second;
  }
  void admit(const std::shared_ptr<QueuedMessage>& message);
  void admit_child(const Accepted& child, std::uint64_t size_bytes);
  void admit_taken(std::span<const Record> records, std::uint64_t size_bytes);
  static bool is_being_taken(const QueuedMessage& message);
  // `taken`: it is new here.
  void note_age(const QueuedMessage& message, std::optional<Moment> taken);
  void schedule_recovered(const QueuedMessage& message);
  struct Open {
    std::vector<std::uint32_t> fresh;
    std::vector<Waiting> waiting;
  };
  Open open_recipients(const QueuedMessage& message) const;
  // Folds results into the recipient; returns the records' parts.
  struct Folded {
    std::vector<Outcome> outcomes;
    std::vector<Deferral> deferrals;
  };
  void apply_end_of_patience(const QueuedRecipient& recipient, const Work& work,
                             StepResult& step) const;
  Folded fold(QueuedMessage& message, const Work& work, Moment started, Attempt& attempt);
  struct Confirmation {
    std::uint32_t recipient = 0;
    Action action = Action::delivered;
    std::string text;
  };
  void close_recipient(QueuedMessage& message, const Work& work);
  void log_step(const QueuedMessage& message, const Work& work, const StepResult& step);
  void write(std::shared_ptr<QueuedMessage> message, Folded folded, std::vector<Accepted> children);
  Task<> conclude(std::shared_ptr<QueuedMessage> message, std::vector<Outcome> outcomes,
                  std::vector<Accepted> children, std::optional<Confirmation> confirmation);
  std::optional<Confirmation> confirmation_for(const QueuedMessage& message, const Work& work,
                                               const Attempt& attempt) const;
  Task<> confirm(std::shared_ptr<QueuedMessage> message, Folded folded, std::vector<Accepted> made,
                 Confirmation confirmation);
  Task<Accepted> make_confirmation(std::shared_ptr<QueuedMessage> message,
                                   Confirmation confirmation);
  Task<> warn_of_delay(std::shared_ptr<QueuedMessage> message);
  void warn_of_odd_ones(Moment until);
  Task<std::optional<Accepted>> make_bounce(std::shared_ptr<QueuedMessage> message);
  Task<Accepted> make_report(std::shared_ptr<QueuedMessage> message, Report report,
                             std::string sender);
  ReportedRecipient reported(const QueuedMessage& message, std::uint32_t index,
                             std::string text) const;
  Task<std::string> quotable(std::shared_ptr<QueuedMessage> message);
  Report report_of(const QueuedMessage& message, const BounceRoute& route, MessageId id) const;
  Task<Result<NewBody>> store_text(std::string text, MessageId id);
  void commit(std::vector<Record> records, bool has_child, CommitQueue::Done done);
  void commit_failed(const Error& error);
  std::uint64_t in_hand() const {
    return scheduler_.counts().in_hand + scheduler_.counts().in_hand_remote;
  }
  void update_in_hand();
  void update_gauges();
  bool may_deliver() const;
  // True: it died over this once too often, and that was recorded as a deferral.
  bool give_up_after(const Work& work, Moment started, const std::string& why);

  Services services_;
  Options options_;
  Scheduler scheduler_;
  MessageTable messages_;
  KeptBodies bodies_;
  std::function<void()> on_work_;
  std::uint64_t concluding_ = 0;  // messages whose end, or a confirmation, is being written
  Moment delays_seen_;            // who was warned: all that had waited long enough by then
  // Messages whose id does not tell their age, which were imported: when they were, or will be,
  // as old as it takes, counted from here as if they had arrived then.
  std::set<std::pair<Moment, MessageId>> odd_ages_;
  bool failure_logged_ = false;
  std::uint64_t counted_batches_ = 0;
};

}  // namespace toast::queue
