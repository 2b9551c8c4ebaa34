// Carries out what the schedule says: asks the directory where a recipient's mail goes, hands
// messages to maild, makes the children of forwards, and reports to the ledger.
//
// When the instructions of a recipient are fixed ("frozen"): before the first is carried out, if
// there are several and not all are forwards; otherwise together with their outcome. The latter
// saves the common case (one Maildir) a disk sync, and is safe because repeating it changes
// nothing: a delivery that a crash cut off from its outcome gets the same file name again, made of
// queue, message, recipient and instruction index, and maild sees that it is there; forwards exist
// only if the record that holds their outcome does. A deferred single instruction is looked up
// anew, so that an administrator's repair counts. Only where the directory moved the mailbox
// between the two attempts of an interrupted delivery can a copy lie in both.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/async.h"
#include "base/ipc.h"
#include "mta/queue/alarm.h"
#include "mta/queue/answered.h"
#include "mta/queue/early_lookup.h"
#include "mta/queue/ledger.h"
#include "mta/remote/routes.h"
#include "vdomain/instruction.h"
#include "vdomain/maildir/delivery_messages.h"
#include "vdomain/resolver_messages.h"

namespace toast::queue {

inline constexpr std::chrono::seconds kResolveTimeout{30};
// maild may have many deliveries before ours and a slow disk under them.
inline constexpr std::chrono::seconds kDeliveryTimeout{120};
// How often an absent keeper is looked for.
inline constexpr std::chrono::milliseconds kKeeperPoll{50};
// Received and Delivered-To fields from which a forward counts as looping (RFC 5321 section 6.3).
inline constexpr std::size_t kMaxForwardHops = 100;

// The header of a content, as far as loops and addressees are looked for.
[[nodiscard]] Result<std::string> front_of_body(const StoredBody& body);

class Deliverer {
 public:
  struct Services {
    asio::any_io_executor loop;
    asio::thread_pool& pool;
    Store& store;
    Ledger& ledger;
    EarlyLookup& early;
    const Clock& clock;
    Logger& log;
    MessageIdSource& ids;
    ipc::Link& directory;  // toast-vdomaind
    ipc::Link& mailboxes;  // toast-maild
  };
  Deliverer(Services services, const Options& options, std::shared_ptr<AnswerMemory> answers);
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  // Starts whatever can be started now. Cheap; call it whenever something has changed.
  void pump();
  void stop() { stopped_ = true; }
  void set_options(const Options& options);
  // Called whenever it looks: others may have something to begin at the same moment.
  void on_turn(std::function<void()> callee) { on_turn_ = std::move(callee); }
  // Which keeper is away, if one is: nothing is delivered, and nothing deferred, until it is back.
  std::string missing_keeper() const;

 private:
  struct Step {
    std::uint32_t index = 0;
    vdomain::Instruction instruction;
  };
  struct Plan {
    bool frozen = false;
    std::vector<Step> steps;
    std::optional<StepResult> verdict;  // instead of steps
    std::optional<NextHop> next_hop;    // after the steps, if there are any
  };
  using Done = std::variant<Attempt, NextHop>;
  // An error of these means: the keeper went away, the attempt did not happen.
  Task<> deliver(Work work);
  Task<Result<Done>> carry_out(Work work, Moment started);
  Task<Result<Attempt>> carry_out(Work work, Address recipient, Plan plan);
  Task<Result<Plan>> make_plan(Work work, Address recipient, Moment started);
  Task<Result<Plan>> resolve(Work work, Address recipient, Moment started);
  Task<Result<vdomain::Resolve::Reply>> ask_directory(Work work, Address recipient);
  Task<Result<StepResult>> deliver_maildir(Work work, std::uint32_t instruction,
                                           vdomain::DeliverMaildir target, Address recipient);

  static void set_hand_over_apart(Plan& plan);
  Plan frozen_plan(const QueuedRecipient& recipient) const;
  // `words`: the operator's for senders; empty: our own.
  StepResult unknown_recipient(const QueuedMessage& message, Moment started,
                               const std::string& words) const;
  Task<Result<void>> freeze(Work work, const std::vector<Step>& steps);
  // The child of a recipient's forwards, or an automatic answer; or why there is none.
  struct Made {
    std::optional<Accepted> child;
    StepResult result;
  };
  Task<Made> answer(Work work, vdomain::AutoReply reply, std::vector<StepResult> others);
  Task<Made> forward(Work work, Address recipient, std::vector<Address> targets);
  Task<Result<NewBody>> child_body(StoredBody body, std::string prefix, MessageId id);

  Services services_;
  std::shared_ptr<AnswerMemory> answers_;
  std::string host_;  // of the Message-ID of an answer
  std::chrono::seconds unknown_grace_;
  remote::Routes routes_;
  std::function<void()> on_turn_;
  bool stopped_ = false;
  Alarm alarm_;
};

}  // namespace toast::queue
