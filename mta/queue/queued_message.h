// A message in the queue as the loop knows it: what the journal remembers, folded, plus what is
// only true now (in hand, body still in memory). Values; who may change them is the Ledger.
//
// Memory: a message takes 104 bytes here with its first untried recipient, each more of them 16;
// one with a past about 150 and its last text. The envelope is shared with the journal's index.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "mta/message/message_id.h"
#include "mta/queue/admin_messages.h"
#include "mta/queue/journal/record.h"
#include "mta/queue/journal/sorted_blocks.h"
#include "mta/queue/memory_budget.h"
#include "mta/queue/one_or_many.h"
#include "mta/queue/retry_schedule.h"

namespace toast::queue {

// The content of a message while it is in memory.
struct Content {
  Content(std::string text, MemoryShare memory)
      : bytes(std::move(text)), share(std::move(memory)) {}
  std::string bytes;
  MemoryShare share;
};

struct FrozenStep {
  std::string instruction;  // encoded vdomain::Instruction
  Fate fate = Fate::pending;
  std::string text;
};

// Of a recipient that was tried.
struct RecipientPast {
  std::uint32_t attempts = 0;
  Moment last_attempt{};  // epoch: before the last restart
  Moment next_attempt{};
  std::string last_text;
  bool frozen = false;
  std::vector<FrozenStep> steps;  // once frozen
};

// What the operator wants of a recipient that was in hand.
enum class GiveUp : std::uint8_t { no, remove, bounce };

struct QueuedRecipient {
  std::unique_ptr<RecipientPast> past;
  RecipientPhase phase = RecipientPhase::waiting;
  std::uint8_t given_back = 0;  // times that a delivery process died over it
  GiveUp give_up = GiveUp::no;

  RecipientPast& make_past() {
    if (!past) past = std::make_unique<RecipientPast>();
    return *past;
  }
  bool is_open() const {
    return phase != RecipientPhase::delivered && phase != RecipientPhase::failed;
  }
};

struct QueuedMessage {
  explicit QueuedMessage(PackedEnvelope of)
      : envelope(std::move(of)), recipients(envelope.recipients()) {}

  MessageId id;
  MessageId parent;
  WallTime arrival;
  PackedEnvelope envelope;
  std::uint64_t size_bytes = 0;
  Rare<std::string> hold;
  [[no_unique_address]] OneOrMany<QueuedRecipient> recipients;
  std::uint32_t open : 24 = 0;  // recipients that have not ended
  Origin origin : 8 = Origin::smtp;
  Rare<std::vector<std::uint32_t>> failed;  // in the order in which they failed
  std::unique_ptr<Content> content;         // from arrival until the first deliveries are over

  Moment birth() const { return std::chrono::floor<std::chrono::seconds>(arrival); }
  RecipientView recipient(std::uint32_t index) const { return envelope.recipient(index); }
  // As its sender knows the recipient: before any alias or forward.
  std::string_view original(std::uint32_t index) const {
    const RecipientView r = recipient(index);
    return r.original.empty() ? r.address : r.original;
  }
};
static_assert(kMaxRecipients < (1U << 24U));

// By id, which is by time of arrival. Shared with the deliveries that are under way.
using MessageTable = SortedTable<MessageId, std::shared_ptr<QueuedMessage>>;

// Fresh from its Accepted record.
std::shared_ptr<QueuedMessage> message_from(const Accepted& accepted, std::uint64_t size_bytes);
// As the journal found it at start.
std::shared_ptr<QueuedMessage> message_from(const MessageState& state);

// The reverse path as other hosts see it: without qmail's mark of a VERP sender, and the null
// sender for what is no address (the sender of double bounces).
std::string wire_reverse_path(const PackedEnvelope& envelope);

// "smtp", "forward"
std::string_view origin_name(Origin origin);

// There is somebody to report to.
bool has_sender(const QueuedMessage& message);
// The sender wants to hear of this event (kNotifySuccess, kNotifyFailure or kNotifyDelay).
bool wants(const QueuedMessage& message, std::uint32_t index, std::uint8_t event);

MessageSummary summarise(const QueuedMessage& message);
RecipientDetail describe_recipient(const QueuedMessage& message, std::uint32_t index);

}  // namespace toast::queue
