#include "mta/queue/journal/record.h"

#include <algorithm>

namespace toast::queue {
namespace {

// The part of a message that a target names, or nothing if the message has no such part.
Progress* find_progress(MessageState& state, const Target& target) {
  if (target.recipient >= state.recipients.size()) return nullptr;
  if (target.instruction == kWholeRecipient)
    return &state.recipients.change(target.recipient).whole;
  if (target.instruction >= state.recipients[target.recipient]->steps.size()) return nullptr;
  return &state.recipients.change(target.recipient).steps[target.instruction].progress;
}

std::string_view cut(std::string_view text) { return text.substr(0, kMaxText); }

// At least what the record takes on disk, its bodies included.
constexpr std::size_t kFieldBytes = 64;  // more than the fixed fields of any one item
std::size_t weight(const Accepted& accepted) {
  std::size_t bytes = (8 + accepted.envelope.recipients()) * kFieldBytes + accepted.prefix.size() +
                      accepted.envelope.text_bytes() + kMaxText;
  if (const auto* own = std::get_if<InlineBody>(&accepted.body)) bytes += own->bytes.size();
  return bytes;
}
std::size_t weight(const Outcome& outcome) {
  return kFieldBytes + std::min(outcome.text.size(), kMaxText);
}

Result<void> check_weight(std::size_t bytes) {
  if (bytes > kMaxRecordBytes) return permanent("journal record: over the limit for one record");
  return {};
}

Result<void> check_envelope(const PackedEnvelope& envelope) {
  if (envelope.recipients() == 0) return permanent("journal record: no recipient");
  if (envelope.recipients() > kMaxRecipients)
    return permanent("journal record: too many recipients");
  bool fits = envelope.reverse_path().size() <= kMaxAddressBytes &&
              envelope.envid().size() <= kMaxEnvidBytes &&
              envelope.authenticated().size() <= kMaxTraceBytes &&
              envelope.peer().size() <= kMaxTraceBytes &&
              envelope.helo().size() <= kMaxTraceBytes &&
              envelope.session().size() <= kMaxTraceBytes;
  for (std::uint32_t i = 0; i < envelope.recipients(); ++i) {
    const RecipientView recipient = envelope.recipient(i);
    fits = fits && recipient.address.size() <= kMaxAddressBytes &&
           recipient.original.size() <= kMaxAddressBytes &&
           recipient.orcpt.size() <= kMaxOrcptBytes;
  }
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
  if (auto good = check_envelope(accepted.envelope); !good) return good;
  return check_weight(weight(accepted));
}

Result<void> check_one(const Accepted& accepted) { return check_one(accepted, false); }

Result<void> check_one(const Frozen& frozen) {
  if (frozen.instructions.size() > kMaxInstructions)
    return permanent("journal record: too many instructions");
  const bool fits = std::ranges::all_of(
      frozen.instructions, [](const std::string& i) { return i.size() <= kMaxInstructionBytes; });
  if (!fits) return permanent("journal record: an instruction is too long");
  std::size_t bytes = kFieldBytes;
  for (const std::string& instruction : frozen.instructions)
    bytes += kFieldBytes + instruction.size();
  return check_weight(bytes);
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
  std::size_t bytes = kFieldBytes;
  for (const Outcome& outcome : compound.outcomes) {
    bytes += weight(outcome);
    if (outcome.id != compound.parent)
      return permanent("journal record: an outcome of another message in a compound");
    if (auto good = check_one(outcome); !good) return good;
  }
  for (const Accepted& child : compound.children) {
    if (auto good = check_one(child, true); !good) return good;
    bytes += weight(child);
  }
  return check_weight(bytes);
}

Result<void> check_one(const Deferral&) { return {}; }
Result<void> check_one(const Hold&) { return {}; }
Result<void> check_one(const Release&) { return {}; }
Result<void> check_one(const Finished&) { return {}; }

}  // namespace

MessageState state_of(const Accepted& accepted) {
  MessageState state;
  state.id = accepted.id;
  state.parent = accepted.parent;
  state.arrival = accepted.arrival;
  state.origin = accepted.origin;
  state.envelope = accepted.envelope;
  if (!accepted.prefix.empty()) state.prefix = accepted.prefix;
  state.size_bytes = accepted.prefix.size();
  if (const auto* bytes = std::get_if<InlineBody>(&accepted.body))
    state.size_bytes += bytes->bytes.size();
  if (const auto* blob = std::get_if<BlobBody>(&accepted.body)) state.size_bytes += blob->size;
  state.hold = accepted.hold;
  state.recipients = RecipientStates(accepted.envelope.recipients());
  return state;
}

RecipientStates::RecipientStates(const RecipientStates& other) : count_(other.count_) {
  if (other.untouched()) return;
  for (std::uint32_t i = 0; i < count_; ++i)
    if (other.facts_[i]) change(i) = *other.facts_[i];
}

const RecipientFacts* RecipientStates::operator[](std::size_t index) const {
  static const RecipientFacts kNothing;
  return facts_ && facts_[index] ? facts_[index].get() : &kNothing;
}

RecipientFacts& RecipientStates::change(std::size_t index) {
  if (!facts_) facts_ = std::make_unique<std::unique_ptr<RecipientFacts>[]>(count_);
  if (!facts_[index]) facts_[index] = std::make_unique<RecipientFacts>();
  return *facts_[index];
}

bool operator==(const RecipientStates& a, const RecipientStates& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (*a[i] != *b[i]) return false;
  return true;
}

void MessageState::share_content(const MessageState& of_parent) {
  if (of_parent.prefix) prefix.make() += *of_parent.prefix;
  size_bytes += of_parent.size_bytes;
}

Result<void> check(const Record& record) {
  return std::visit([](const auto& r) { return check_one(r); }, record);
}

bool apply(MessageState& state, const Frozen& record) {
  if (record.recipient >= state.recipients.size()) return false;
  if (state.recipients[record.recipient]->frozen) return true;
  RecipientFacts& recipient = state.recipients.change(record.recipient);
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
  state.hold = std::string(cut(record.reason));
  return true;
}

bool apply(MessageState& state, const Release&) {
  state.hold.reset();
  return true;
}

}  // namespace toast::queue
