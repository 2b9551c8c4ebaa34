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
#include "mta/smtp/dsn.h"

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
using smtp::DsnReturn;
using smtp::kNotifyDelay;
using smtp::kNotifyFailure;
using smtp::kNotifyNever;
using smtp::kNotifySuccess;

struct Recipient {
  std::string address;   // where the message goes
  std::string original;  // as it was before any rewriting; bounces show this one
  std::string orcpt;     // ORCPT as the client gave it; empty: none
  std::uint8_t notify = 0;
  friend bool operator==(const Recipient&, const Recipient&) = default;
};

struct Envelope {
  std::string reverse_path;           // empty: the null sender, which is never bounced again
  std::vector<Recipient> recipients;  // at least one
  bool eight_bit_mime = false;        // BODY=8BITMIME
  bool smtputf8 = false;
  bool verp = false;  // the reverse path is rewritten per recipient at delivery
  DsnReturn ret = DsnReturn::unset;
  std::string envid;
  std::string authenticated;  // the login; empty for a stranger
  std::string peer;           // address text; "uid 1000" for local injection
  std::string helo;
  std::string session;  // as in the log
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

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
  std::shared_ptr<const Envelope> envelope;
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

// A value. With most recipients nothing has happened yet, and that costs a pointer: a queue may
// hold millions of them.
class RecipientState {
 public:
  RecipientState() = default;
  RecipientState(const RecipientState& other)
      : facts_(other.facts_ ? std::make_unique<RecipientFacts>(*other.facts_) : nullptr) {}
  RecipientState(RecipientState&&) noexcept = default;
  RecipientState& operator=(RecipientState other) noexcept {
    facts_ = std::move(other.facts_);
    return *this;
  }
  ~RecipientState() = default;

  const RecipientFacts& operator*() const { return facts_ ? *facts_ : nothing(); }
  const RecipientFacts* operator->() const { return &**this; }
  RecipientFacts& change() {
    if (!facts_) facts_ = std::make_unique<RecipientFacts>();
    return *facts_;
  }
  friend bool operator==(const RecipientState& a, const RecipientState& b) { return *a == *b; }

 private:
  static const RecipientFacts& nothing();
  std::unique_ptr<RecipientFacts> facts_;
};

// One live message.
struct MessageState {
  MessageId id;
  MessageId parent;
  WallTime arrival;
  Origin origin = Origin::smtp;
  std::shared_ptr<const Envelope> envelope;
  std::string prefix;
  std::uint64_t size_bytes = 0;            // prefix and body
  std::optional<std::string> hold;         // why it is held
  std::vector<RecipientState> recipients;  // one per envelope recipient, same order
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
