// What the journal remembers of messages: the records that callers commit, and MessageState, which
// is what a message's records add up to. Values only: no file, no byte layout (record_codec.h).
// Addresses and instructions are strings here: they were parsed into types at the border, and
// whoever takes them out of the queue parses them again; the journal checks lengths.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "mta/message/message_id.h"
#include "mta/queue/journal/envelope.h"
#include "mta/queue/journal/rare.h"

namespace toast::queue {

inline constexpr std::size_t kMaxRecipients = 10'000;       // per record; a bigger list is several
inline constexpr std::size_t kMaxInstructions = 1'000;      // per recipient; qmail has no limit
inline constexpr std::size_t kMaxChildren = 1'000;          // per compound: as many as instructions
inline constexpr std::size_t kMaxAddressBytes = 1'024;      // RFC 5321's 256, and room for VERP
inline constexpr std::size_t kMaxInstructionBytes = 8'192;  // a dot-qmail line with a long command
inline constexpr std::size_t kMaxOrcptBytes = 500;          // RFC 3461 section 4.2
inline constexpr std::size_t kMaxEnvidBytes = 100;          // RFC 3461 section 4.4
inline constexpr std::size_t kMaxTraceBytes = 512;          // peer, HELO name, login, session
inline constexpr std::size_t kMaxText =
    2'048;  // an outcome's text; longer ones are cut, not refused
inline constexpr std::size_t kMaxPrefixBytes =
    16 * 1024;  // header fields in front of a shared body
// Everything in one record. A segment holds two of these, so a record always finds room.
inline constexpr std::size_t kMaxRecordBytes = 7 * 1024 * 1024;

enum class Origin : std::uint8_t { smtp, submission, local, forward, bounce, list, reply };

// Where a new message's body is. It ends in LF or is empty.
struct InlineBody {
  std::string bytes;  // at most Options::max_inline_body
};
struct BlobBody {
  std::uint64_t size = 0;  // a BlobWriter for this message's id has finished
};
struct ParentBody {};  // only for a child in a Compound: the parent's content, by reference
using NewBody = std::variant<InlineBody, BlobBody, ParentBody>;

struct Accepted {
  MessageId id;
  MessageId parent;  // zero: none. A bounce names what it is about
  WallTime arrival;
  Origin origin = Origin::smtp;
  PackedEnvelope envelope;
  std::string prefix;  // read in front of the body: what a forward adds (Delivered-To)
  NewBody body;
  std::optional<std::string> hold;  // accepted, but not to be delivered until released: why
};

// The instructions of one recipient, fixed at the first attempt. Freezing twice changes nothing.
struct Frozen {
  MessageId id;
  std::uint32_t recipient = 0;
  std::vector<std::string> instructions;
};

// One thing to be done: an instruction of a frozen recipient, or the recipient as a whole (when it
// could not be resolved).
inline constexpr std::uint32_t kWholeRecipient = 0xffffffff;
struct Target {
  std::uint32_t recipient = 0;
  std::uint32_t instruction = kWholeRecipient;
  friend auto operator<=>(const Target&, const Target&) = default;
};

enum class Fate : std::uint8_t { pending, delivered, failed };

struct Outcome {
  MessageId id;
  Target target;
  Fate fate = Fate::delivered;  // never pending
  std::string text;
};

struct Deferral {
  MessageId id;
  Target target;
  WallTime next_attempt;
  std::uint32_t attempts = 0;  // so far
  std::string text;            // why the last one failed
};

struct Hold {
  MessageId id;
  std::string reason;
};
struct Release {
  MessageId id;
};
struct Finished {  // nothing is left to do: the message is forgotten, its body goes
  MessageId id;
};

// All or nothing, across any crash: outcomes of one message together with the messages they create
// (forward, bounce, reply), and the parent's end when this was the last outcome.
struct Compound {
  MessageId parent;
  std::vector<Outcome> outcomes;  // all of `parent`
  std::vector<Accepted> children;
  bool finishes_parent = false;
};

using Record = std::variant<Accepted, Frozen, Outcome, Deferral, Hold, Release, Finished, Compound>;

// Limits and shape; says what is wrong. commit() refuses a batch in which one record fails this.
[[nodiscard]] Result<void> check(const Record& record);

struct Progress {
  Fate fate = Fate::pending;
  WallTime next_attempt;  // meaningful while pending; epoch: at once
  std::uint32_t attempts = 0;
  std::string text;
  friend bool operator==(const Progress&, const Progress&) = default;
};
struct Step {
  std::string instruction;
  Progress progress;
  friend bool operator==(const Step&, const Step&) = default;
};
struct RecipientFacts {
  bool frozen = false;
  Progress whole;           // until frozen; an outcome here ends the recipient
  std::vector<Step> steps;  // once frozen
  friend bool operator==(const RecipientFacts&, const RecipientFacts&) = default;
};

// What has become of the recipients of one message. With most messages nothing has happened yet,
// and that costs a pointer: a queue may hold millions of them.
class RecipientStates {
 public:
  RecipientStates() = default;
  explicit RecipientStates(std::size_t count) : count_(static_cast<std::uint32_t>(count)) {}
  RecipientStates(const RecipientStates& other);
  RecipientStates(RecipientStates&&) noexcept = default;
  RecipientStates& operator=(RecipientStates other) noexcept {
    facts_ = std::move(other.facts_);
    count_ = other.count_;
    return *this;
  }
  ~RecipientStates() = default;

  std::size_t size() const { return count_; }
  bool untouched() const { return !facts_; }
  const RecipientFacts* operator[](std::size_t index) const;  // never null
  RecipientFacts& change(std::size_t index);
  friend bool operator==(const RecipientStates& a, const RecipientStates& b);

 private:
  std::unique_ptr<std::unique_ptr<RecipientFacts>[]> facts_;
  std::uint32_t count_ = 0;
};

// One live message.
struct MessageState {
  MessageId id;
  MessageId parent;
  WallTime arrival;
  PackedEnvelope envelope;
  Rare<std::string> prefix;
  Rare<std::string> hold;                            // why it is held
  std::uint64_t size_bytes = 0;                      // prefix and body
  [[no_unique_address]] RecipientStates recipients;  // one per envelope recipient, same order
  Origin origin = Origin::smtp;

  // It reads its own prefix, then all that its parent reads.
  void share_content(const MessageState& of_parent);
};

// The state of a message that was just accepted. With a ParentBody the caller adds the parent's
// prefix and size.
[[nodiscard]] MessageState state_of(const Accepted& accepted);

// Folds one record into its message. False: the record names a recipient or an instruction that the
// message does not have, and was ignored. Applying a record twice is the same as applying it once.
// A Compound's children and the end of a message are not the state's business.
bool apply(MessageState& state, const Frozen& record);
bool apply(MessageState& state, const Outcome& record);
bool apply(MessageState& state, const Deferral& record);
bool apply(MessageState& state, const Hold& record);
bool apply(MessageState& state, const Release& record);

}  // namespace toast::queue
