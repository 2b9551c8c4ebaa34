#include "mta/queue/admin_desk.h"

#include <algorithm>

#include "mta/queue/selector.h"

namespace toast::queue {

AdminDesk::AdminDesk(Services services, const Options& options, std::vector<std::string> warnings)
    : services_(services),
      options_(options),
      warnings_(std::move(warnings)),
      started_seconds_(unix_seconds(services.clock.wall())),
      at_start_(totals()) {
  for (std::string& warning : warnings_)
    if (warning.size() > kMaxAdminText) warning.resize(kMaxAdminText);
}

void AdminDesk::serve(ipc::Dispatcher& dispatcher) {
  dispatcher.on<QueueList>(
      [this](QueueList question) -> Task<Result<QueueList::Reply>> { co_return list(question); });
  dispatcher.on<QueueShow>(
      [this](QueueShow question) -> Task<Result<QueueShow::Reply>> { co_return show(question); });
  dispatcher.on<QueueStatus>(
      [this](QueueStatus) -> Task<Result<QueueStatus::Reply>> { co_return status(); });
}

std::optional<AdminDesk::Wait> AdminDesk::wait_of(const QueuedMessage& message,
                                                  std::uint32_t index) const {
  const QueuedRecipient& r = message.recipients[index];
  const bool is_due =
      r.phase == RecipientPhase::waiting || (r.phase == RecipientPhase::deferred && r.past &&
                                             r.past->next_attempt <= services_.ledger.now());
  if (!is_due || message.hold) return std::nullopt;
  Result<Address> address = Address::parse(message.recipient(index).address);
  if (!address) return std::nullopt;
  const std::string hop = options_.routes.next_hop(address->domain()).str();
  const std::optional<Destinations::State> state = services_.ledger.destinations().find(hop);
  if (!state) return std::nullopt;
  if (state->paused) return Wait{"4.3.2 " + hop + " is paused by the operator", 0};
  if (!state->down) return std::nullopt;
  return Wait{"4.4.1 waits for " + hop + ", which cannot be reached: " + state->why,
              state->probe_at.time_since_epoch().count()};
}

MessageSummary AdminDesk::summary_of(const QueuedMessage& message) const {
  MessageSummary summary = summarise(message);
  if (!summary.last_error.empty() && summary.waiting == 0) return summary;
  const std::size_t looked_at = std::min<std::size_t>(message.recipients.size(), kMaxShown);
  for (std::uint32_t i = 0; i < looked_at; ++i) {
    std::optional<Wait> wait = wait_of(message, i);
    if (!wait) continue;
    if (summary.last_error.empty()) summary.last_error = wait->why.substr(0, kMaxAdminText);
    if (summary.next_attempt_seconds == 0) summary.next_attempt_seconds = wait->until_seconds;
    break;
  }
  return summary;
}

RecipientDetail AdminDesk::detail_of(const QueuedMessage& message, std::uint32_t index) const {
  RecipientDetail detail = describe_recipient(message, index);
  const std::optional<Wait> wait = wait_of(message, index);
  if (!wait) return detail;
  detail.last_text = wait->why.substr(0, kMaxAdminText);
  detail.next_attempt_seconds = wait->until_seconds;
  return detail;
}

QueueList::Reply AdminDesk::list(const QueueList& question) const {
  const MessageTable& messages = services_.ledger.messages();
  QueueList::Reply reply;
  const Selector selector(question.selection, options_.routes, services_.ledger.now());
  auto at = messages.upper_bound(question.after);
  std::size_t looked_at = 0;
  for (; at != messages.end() && reply.messages.size() < question.limit; ++at) {
    if (++looked_at > kMaxLookedAt) break;
    reply.next = at->first;
    if (selector.any(*at->second)) reply.messages.push_back(summary_of(*at->second));
  }
  reply.more = at != messages.end();
  return reply;
}

Result<QueueShow::Reply> AdminDesk::show(const QueueShow& question) const {
  const std::shared_ptr<QueuedMessage> message = services_.ledger.find(question.id);
  if (!message) return permanent("no message " + question.id.str() + " in the queue");
  QueueShow::Reply reply;
  reply.summary = summary_of(*message);
  reply.body_type =
      message->envelope.eight_bit_mime() ? BodyType::eight_bit_mime : BodyType::seven_bit;
  reply.peer = message->envelope.peer().substr(0, kMaxTraceText);
  reply.helo = message->envelope.helo().substr(0, kMaxTraceText);
  reply.authenticated = message->envelope.authenticated();
  reply.parent = message->parent;
  reply.expires_seconds = (message->birth() + options_.lifetime).time_since_epoch().count();
  reply.first_recipient = question.first_recipient;
  const std::size_t end = std::min<std::size_t>(message->recipients.size(),
                                                std::size_t{question.first_recipient} + kMaxShown);
  for (std::size_t i = question.first_recipient; i < end; ++i)
    reply.recipients.push_back(detail_of(*message, static_cast<std::uint32_t>(i)));
  return reply;
}

AdminDesk::Totals AdminDesk::totals() const {
  const QueueMetrics& m = services_.metrics;
  return {m.accepted.value(), m.deliveries.value(), m.deferrals.value(),
          m.failures.value(), m.bounces.value(),    m.discarded_bounces.value()};
}

std::string AdminDesk::pauses_text() const {
  const Pauses& pauses = services_.pauses;
  std::string text = "paused by the operator:";
  if (pauses.inbound) text += " inbound mail,";
  if (pauses.outbound) text += " outbound mail,";
  if (!pauses.destinations.empty())
    text += " " + std::to_string(pauses.destinations.size()) + " destinations,";
  text.back() = ';';
  return text + " toastctl resume ends it";
}

QueueStatus::Reply AdminDesk::status() const {
  const Scheduler::Counts& counts = services_.ledger.counts();
  const JournalStatus journal = services_.store.status();
  const Totals now = totals();
  QueueStatus::Reply reply;
  reply.messages = services_.ledger.messages().size();
  reply.waiting = counts.fresh;  // and those at their destination, tried or not
  reply.waiting += services_.ledger.destinations().waiting();
  reply.in_hand = counts.in_hand + counts.in_hand_remote;
  reply.deferred = counts.deferred;
  if (!services_.ledger.messages().empty())
    reply.oldest_arrival_seconds =
        unix_seconds(services_.ledger.messages().begin()->second->arrival);
  if (journal.state == JournalState::failed) reply.journal = QueueStatus::Journal::failed;
  reply.journal_text = journal.failure.substr(0, kMaxAdminText);
  if (const std::optional<Error> why = services_.intake.refusal(0)) {
    reply.accepting = false;
    reply.accepting_text = why->reply.substr(0, kMaxAdminText);
  }
  reply.free_bytes = journal.free_bytes;
  reply.reserve_bytes = options_.reserve_bytes;
  reply.started_seconds = started_seconds_;
  reply.accepted = now.accepted - at_start_.accepted;
  reply.deliveries = now.deliveries - at_start_.deliveries;
  reply.deferrals = now.deferrals - at_start_.deferrals;
  reply.failures = now.failures - at_start_.failures;
  reply.bounces = now.bounces - at_start_.bounces;
  reply.discarded_bounces = now.discarded_bounces - at_start_.discarded_bounces;
  reply.warnings = warnings_;
  if (const std::string keeper = services_.deliverer.missing_keeper(); !keeper.empty())
    reply.warnings.insert(reply.warnings.begin(), keeper + " is away: nothing is delivered");
  if (services_.pauses.any()) reply.warnings.insert(reply.warnings.begin(), pauses_text());
  if (services_.remote.is_away())
    reply.warnings.insert(reply.warnings.begin(),
                          "toast-remoted is away: no mail goes to other hosts");
  if (!journal.last_maintenance_error.empty())
    reply.warnings.push_back(
        ("journal housekeeping: " + journal.last_maintenance_error).substr(0, kMaxAdminText));
  if (reply.warnings.size() > kMaxWarnings) reply.warnings.resize(kMaxWarnings);
  return reply;
}

}  // namespace toast::queue
