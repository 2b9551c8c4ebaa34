// The operator's hands on messages: hold, release, try now, give up. Every change is a record.
#include "mta/queue/ledger.h"

namespace toast::queue {
namespace {

constexpr std::string_view kRemoved = "2.0.0 removed by the operator";

std::string returned_text(const QueuedRecipient& recipient, const std::string& reason) {
  std::string text = "5.4.7 returned to its sender by the operator";
  if (!reason.empty()) text += ": " + reason;
  if (recipient.past && !recipient.past->last_text.empty())
    text += "\nThe last attempt said: " + recipient.past->last_text;
  return text;
}

}  // namespace

std::uint64_t Ledger::retry(
    const std::function<bool(const QueuedMessage&, std::uint32_t recipient)>& which) {
  const std::uint64_t count = scheduler_.retry_now(
      [&](MessageId id, std::uint32_t recipient) { return which(*at(id), recipient); }, now());
  look_again();
  return count;
}

void Ledger::set_aside(const std::function<bool(MessageId)>& which) { scheduler_.hold(which); }

void Ledger::put_back(const QueuedMessage& message) {
  if (message.hold || message.open == 0) return;
  const Open open = open_recipients(message);
  scheduler_.release(message.id, open.fresh, open.waiting);
}

void Ledger::hold(MessageId id, const std::string& reason) {
  const std::shared_ptr<QueuedMessage> message = find(id);
  if (!message || message->open == 0) return;
  message->hold = reason;
  std::vector<Record> records;
  records.emplace_back(Hold{id, reason});
  commit(std::move(records), false, [this](const Result<void>& result, std::span<Record>) {
    if (!result) commit_failed(result.error());
  });
  services_.log.warning("queue.message.held", {{"id", id.str()}, {"reason", reason}});
  services_.observer.changed(*message, OperatorChange::held, {}, reason);
}

void Ledger::release(MessageId id) {
  const std::shared_ptr<QueuedMessage> message = find(id);
  if (!message || !message->hold) return;
  message->hold.reset();
  std::vector<Record> records;
  records.emplace_back(Release{id});
  commit(std::move(records), false, [this](const Result<void>& result, std::span<Record>) {
    if (!result) commit_failed(result.error());
  });
  services_.log.info("queue.message.released", {{"id", id.str()}});
  services_.observer.changed(*message, OperatorChange::released, {}, {});
  put_back(*message);
}

void Ledger::give_up(MessageId id, std::span<const std::uint32_t> recipients, GiveUp manner,
                     const std::string& reason) {
  std::shared_ptr<QueuedMessage> message = find(id);
  if (!message || message->open == 0) return;
  Folded folded;
  for (const std::uint32_t index : recipients) {
    QueuedRecipient& r = message->recipients[index];
    if (!r.is_open()) continue;
    if (r.phase == RecipientPhase::in_hand) {
      r.give_up = manner;  // if this attempt fails
      continue;
    }
    const bool returned = manner == GiveUp::bounce;
    const std::string text = returned ? returned_text(r, reason) : std::string(kRemoved);
    r.make_past().last_text = text;
    r.phase = returned ? RecipientPhase::failed : RecipientPhase::delivered;
    if (returned) message->failed.make().push_back(index);
    folded.outcomes.push_back(Outcome{id, Target{index, kWholeRecipient},
                                      returned ? Fate::failed : Fate::delivered, text});
    services_.log.info(
        "queue.recipient.given_up",
        {{"id", id.str()}, {"to", message->recipient(index).address}, {"text", text}});
    services_.observer.changed(*message, OperatorChange::given_up,
                               message->recipient(index).address, text);
  }
  const auto ended = static_cast<std::uint32_t>(folded.outcomes.size());
  if (ended == 0) return put_back(*message);
  message->open -= ended;
  scheduler_.ended_while_held(id, ended);
  update_gauges();
  if (message->open == 0)
    return spawn(services_.loop,
                 conclude(std::move(message), std::move(folded.outcomes), {}, std::nullopt));
  put_back(*message);
  write(std::move(message), std::move(folded), {});
}

Ledger::Open Ledger::open_recipients(const QueuedMessage& message) const {
  const Moment present = now();
  Open open;
  for (std::uint32_t i = 0; i < message.recipients.size(); ++i) {
    const QueuedRecipient& r = message.recipients[i];
    if (r.phase == RecipientPhase::waiting) open.fresh.push_back(i);
    if (r.phase != RecipientPhase::deferred) continue;
    // A time that a wrong clock wrote down is held against the present one.
    const Moment due = std::min(r.past->next_attempt,
                                present + longest_wait(message.birth(), present, kRemoteSkip));
    open.waiting.push_back({i, due, false});
  }
  return open;
}

}  // namespace toast::queue
