#include "mta/queue/queued_message.h"

#include <algorithm>

#include "base/codec.h"
#include "mta/queue/report.h"
#include "vdomain/instruction.h"

namespace toast::queue {
namespace {

Moment moment(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

void fold_steps(RecipientPast& past, const RecipientFacts& state) {
  past.frozen = true;
  Moment earliest = Moment::max();
  for (const Step& step : state.steps) {
    past.steps.push_back(FrozenStep{step.instruction, step.progress.fate, step.progress.text});
    past.attempts = std::max(past.attempts, step.progress.attempts);
    if (!step.progress.text.empty()) past.last_text = step.progress.text;
    if (step.progress.fate == Fate::pending)
      earliest = std::min(earliest, moment(step.progress.next_attempt));
  }
  past.next_attempt = earliest == Moment::max() ? Moment{} : earliest;
}

RecipientPhase phase_of(const RecipientPast& past, Fate whole) {
  if (whole == Fate::delivered) return RecipientPhase::delivered;
  if (whole == Fate::failed) return RecipientPhase::failed;
  const auto is = [](Fate fate) { return [fate](const FrozenStep& s) { return s.fate == fate; }; };
  if (past.frozen && std::ranges::none_of(past.steps, is(Fate::pending)))
    return std::ranges::any_of(past.steps, is(Fate::failed)) ? RecipientPhase::failed
                                                             : RecipientPhase::delivered;
  return past.attempts > 0 ? RecipientPhase::deferred : RecipientPhase::waiting;
}

QueuedRecipient recipient_from(const RecipientFacts& state) {
  QueuedRecipient recipient;
  RecipientPast past;
  past.attempts = state.whole.attempts;
  past.next_attempt = moment(state.whole.next_attempt);
  past.last_text = state.whole.text;
  if (state.frozen) fold_steps(past, state);
  recipient.phase = phase_of(past, state.whole.fate);
  const bool untouched = !past.frozen && past.attempts == 0 && past.last_text.empty();
  if (!untouched) recipient.past = std::make_unique<RecipientPast>(std::move(past));
  return recipient;
}

std::string shown(std::string_view text) { return std::string(text.substr(0, kMaxAdminText)); }

// What is not an address (the sender of double bounces) is shown as the null sender.
ReversePath shown_path(std::string_view text) {
  Result<Address> address = Address::parse(text);
  if (!address) return std::nullopt;
  return *address;
}

}  // namespace

std::shared_ptr<QueuedMessage> message_from(const Accepted& accepted, std::uint64_t size_bytes) {
  auto message = std::make_shared<QueuedMessage>(accepted.envelope);
  message->id = accepted.id;
  message->parent = accepted.parent;
  message->arrival = accepted.arrival;
  message->origin = accepted.origin;
  message->size_bytes = size_bytes;
  message->hold = accepted.hold;
  message->open = accepted.envelope.recipients();
  return message;
}

std::shared_ptr<QueuedMessage> message_from(const MessageState& state) {
  auto message = std::make_shared<QueuedMessage>(state.envelope);
  message->id = state.id;
  message->parent = state.parent;
  message->arrival = state.arrival;
  message->origin = state.origin;
  message->size_bytes = state.size_bytes;
  message->hold = state.hold;
  message->open = state.envelope.recipients();
  if (state.recipients.untouched()) return message;
  for (std::uint32_t i = 0; i < message->recipients.size(); ++i) {
    QueuedRecipient& recipient = message->recipients[i];
    recipient = recipient_from(*state.recipients[i]);
    if (!recipient.is_open()) --message->open;
    if (recipient.phase == RecipientPhase::failed) message->failed.make().push_back(i);
  }
  return message;
}

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::smtp:
      return "smtp";
    case Origin::submission:
      return "submission";
    case Origin::local:
      return "local";
    case Origin::forward:
      return "forward";
    case Origin::bounce:
      return "bounce";
    case Origin::list:
      return "list";
    case Origin::reply:
      return "reply";
  }
  return "?";
}

std::string wire_reverse_path(const PackedEnvelope& envelope) {
  std::string_view path = envelope.reverse_path();
  if (path == kDoubleBounceSender) return {};
  if (path.ends_with(kVerpMark)) path.remove_suffix(kVerpMark.size());
  return std::string(path);
}

bool has_sender(const QueuedMessage& message) {
  const std::string_view path = message.envelope.reverse_path();
  return !path.empty() && path != kDoubleBounceSender;
}

// RFC 3461 section 4.1. What a sender asked for counts where there is a sender: the postmaster
// hears of every bounce that bounced.
bool wants(const QueuedMessage& message, std::uint32_t index, std::uint8_t event) {
  if (!has_sender(message)) return event == kNotifyFailure;
  const std::uint8_t notify = message.recipient(index).notify;
  if (notify == 0) return event != kNotifySuccess;
  return (notify & event) != 0;
}

MessageSummary summarise(const QueuedMessage& message) {
  MessageSummary s;
  s.id = message.id;
  s.arrival_seconds = unix_seconds(message.arrival);
  s.size_bytes = message.size_bytes;
  s.reverse_path = shown_path(message.envelope.reverse_path());
  s.recipients = static_cast<std::uint32_t>(message.recipients.size());
  s.hold = shown(message.hold.value_or(""));
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  for (std::uint32_t i = 0; i < s.recipients; ++i) {
    const QueuedRecipient& r = message.recipients[i];
    if (r.phase == RecipientPhase::delivered) ++s.delivered;
    if (r.phase == RecipientPhase::failed) ++s.failed;
    if (r.phase == RecipientPhase::deferred) ++s.deferred;
    if (!r.is_open()) continue;
    if (r.phase != RecipientPhase::deferred) ++s.waiting;
    if (r.phase == RecipientPhase::deferred && r.past) {
      next = std::min<std::int64_t>(next, r.past->next_attempt.time_since_epoch().count());
      if (s.last_error.empty()) s.last_error = shown(r.past->last_text);
    }
    if (r.past) s.attempts = std::max(s.attempts, r.past->attempts);
    if (s.open_recipients.size() >= kMaxListedRecipients) continue;
    Result<Address> address = Address::parse(message.recipient(i).address);
    if (address) s.open_recipients.push_back(std::move(*address));
  }
  if (s.waiting == 0 && s.deferred > 0) s.next_attempt_seconds = next;
  return s;
}

RecipientDetail describe_recipient(const QueuedMessage& message, std::uint32_t index) {
  const QueuedRecipient& r = message.recipients[index];
  Result<Address> address = Address::parse(message.recipient(index).address);
  // Every address came in as an Address; a journal edited by hand must not stop a listing.
  if (!address) address = Address::parse("unreadable@invalid");
  RecipientDetail detail{std::move(*address), r.phase, 0, 0, 0, {}, {}};
  if (message.hold && r.is_open()) detail.state = RecipientPhase::held;
  if (!r.past) return detail;
  detail.attempts = r.past->attempts;
  detail.last_attempt_seconds = r.past->last_attempt.time_since_epoch().count();
  if (r.phase == RecipientPhase::deferred)
    detail.next_attempt_seconds = r.past->next_attempt.time_since_epoch().count();
  detail.last_text = shown(r.past->last_text);
  for (const FrozenStep& step : r.past->steps) {
    if (detail.targets.size() >= kMaxShownTargets) break;
    Decoder decoder(step.instruction);
    const vdomain::Instruction instruction = vdomain::take_instruction(decoder);
    detail.targets.push_back(shown(vdomain::describe(instruction)));
  }
  return detail;
}

}  // namespace toast::queue
