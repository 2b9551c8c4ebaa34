#include "mta/queue/journal/record.h"

#include <algorithm>

namespace toast::queue {
namespace {

// The part of a message that a target names, or nothing if the message has no such part.
Progress* find_progress(MessageState& state, const Target& target) {
  if (target.recipient >= state.recipients.size()) return nullptr;
  RecipientState& recipient = state.recipients[target.recipient];
  if (target.instruction == kWholeRecipient) return &recipient.whole;
  if (target.instruction >= recipient.steps.size()) return nullptr;
  return &recipient.steps[target.instruction].progress;
}

std::string_view cut(std::string_view text) { return text.substr(0, kMaxText); }

Result<void> check_envelope(const Envelope& envelope) {
  if (envelope.recipients.empty()) return permanent("journal record: no recipient");
  if (envelope.recipients.size() > kMaxRecipients)
    return permanent("journal record: too many recipients");
  bool fits =
      envelope.reverse_path.size() <= kMaxAddressBytes && envelope.envid.size() <= kMaxEnvidBytes &&
      envelope.authenticated.size() <= kMaxTraceBytes && envelope.peer.size() <= kMaxTraceBytes &&
      envelope.helo.size() <= kMaxTraceBytes && envelope.session.size() <= kMaxTraceBytes;
  for (const Recipient& recipient : envelope.recipients)
    fits = fits && recipient.address.size() <= kMaxAddressBytes &&
           recipient.original.size() <= kMaxAddressBytes &&
           recipient.orcpt.size() <= kMaxOrcptBytes;
  if (!fits) return permanent("journal record: an envelope field is too long");
  return {};
}

Result<void> check_one(const Accepted& accepted, bool is_child) {
  if (accepted.id.value() == 0) return permanent("journal record: a message without an id");
  if (!accepted.envelope) return permanent("journal record: a message without an envelope");
  if (accepted.prefix.size() > kMaxPrefixBytes)
    return permanent("journal record: prefix over its limit");
  if (accepted.hold && accepted.hold->size() > kMaxText)
    return permanent("journal record: reason for a hold over its limit");
  if (!is_child && std::holds_alternative<ParentBody>(accepted.body))
    return permanent("journal record: a parent's body outside a compound");
  return check_envelope(*accepted.envelope);
}

Result<void> check_one(const Accepted& accepted) { return check_one(accepted, false); }

Result<void> check_one(const Frozen& frozen) {
  if (frozen.instructions.size() > kMaxInstructions)
    return permanent("journal record: too many instructions");
  const bool fits = std::ranges::all_of(
      frozen.instructions, [](const std::string& i) { return i.size() <= kMaxInstructionBytes; });
  if (!fits) return permanent("journal record: an instruction is too long");
  return {};
}

Result<void> check_one(const Outcome& outcome) {
  if (outcome.fate == Fate::pending) return permanent("journal record: an outcome still pending");
  return {};
}

Result<void> check_one(const Compound& compound) {
  if (compound.children.size() > kMaxChildren)
    return permanent("journal record: too many children");
  if (compound.outcomes.size() > kMaxRecipients)
    return permanent("journal record: too many outcomes");
  for (const Outcome& outcome : compound.outcomes) {
    if (outcome.id != compound.parent)
      return permanent("journal record: an outcome of another message in a compound");
    if (auto good = check_one(outcome); !good) return good;
  }
  for (const Accepted& child : compound.children)
    if (auto good = check_one(child, true); !good) return good;
  return {};
}

Result<void> check_one(const Deferral&) { return {}; }
Result<void> check_one(const Hold&) { return {}; }
Result<void> check_one(const Release&) { return {}; }
Result<void> check_one(const Finished&) { return {}; }

}  // namespace

Result<void> check(const Record& record) {
  return std::visit([](const auto& r) { return check_one(r); }, record);
}

bool apply(MessageState& state, const Frozen& record) {
  if (record.recipient >= state.recipients.size()) return false;
  RecipientState& recipient = state.recipients[record.recipient];
  if (recipient.frozen) return true;
  recipient.frozen = true;
  recipient.steps.reserve(record.instructions.size());
  for (const std::string& instruction : record.instructions)
    recipient.steps.push_back(Step{instruction, {}});
  return true;
}

bool apply(MessageState& state, const Outcome& record) {
  Progress* progress = find_progress(state, record.target);
  if (progress == nullptr) return false;
  progress->fate = record.fate;
  progress->text = cut(record.text);
  return true;
}

bool apply(MessageState& state, const Deferral& record) {
  Progress* progress = find_progress(state, record.target);
  if (progress == nullptr) return false;
  if (progress->fate != Fate::pending) return true;  // an outcome is final
  progress->next_attempt = record.next_attempt;
  progress->attempts = record.attempts;
  progress->text = cut(record.text);
  return true;
}

bool apply(MessageState& state, const Hold& record) {
  state.hold = cut(record.reason);
  return true;
}

bool apply(MessageState& state, const Release&) {
  state.hold.reset();
  return true;
}

}  // namespace toast::queue
