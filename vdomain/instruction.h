// What is to be done with a message for one recipient: the resolver's answer and the queue's unit
// of work. The same grammar as a line of a dot-qmail file, but parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/codec.h"
#include "mta/message/address_codec.h"
#include "mta/message/next_hop.h"

namespace toast::vdomain {

inline constexpr std::size_t kMaxMaildirPath = 512;    // relative to mail/
inline constexpr std::size_t kMaxReason = 512;         // text of a refusal
inline constexpr std::size_t kMaxInstructions = 1000;  // targets of one alias
// An answer and all that belongs to it fits the queue's kMaxInstructionBytes.
inline constexpr std::size_t kMaxVacationText = 4096;
inline constexpr std::size_t kMaxVacationSubject = 200;
inline constexpr std::uint32_t kDefaultVacationDays = 7;  // RFC 5230 section 4.1
inline constexpr std::uint32_t kMaxVacationDays = 365;
inline constexpr std::size_t kMaxOwnAddresses = 4;

// Zero means no limit.
struct Quota {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
  bool limited() const { return bytes != 0 || messages != 0; }
  friend bool operator==(const Quota&, const Quota&) = default;
};

struct DeliverMaildir {
  Address mailbox;      // whose it is, after aliases: for quota reports and logs
  std::string maildir;  // relative to mail/, "example.org/ann/Maildir"
  Quota quota;
  friend bool operator==(const DeliverMaildir&, const DeliverMaildir&) = default;
};
// To the LMTP server that serves this mailbox. The mailbox is always the recipient's own: the
// server is told the envelope's recipient, and its answer is the recipient's fate. Where another
// name leads to such a mailbox (an alias, a sub-address, another name of the domain), the
// instruction is a Forward to it, which makes it a recipient of its own. So there is at most one
// HandOver for a recipient. Others may stand beside it (a copy is kept here, another goes
// elsewhere); they are carried out first.
struct HandOver {
  NextHop next_hop;  // of the kind lmtp
  Address mailbox;
  friend bool operator==(const HandOver&, const HandOver&) = default;
};
struct Forward {
  Address target;
  friend bool operator==(const Forward&, const Forward&) = default;
};
struct Discard {
  std::string reason;  // for the log: who said so
  friend bool operator==(const Discard&, const Discard&) = default;
};
struct Refuse {
  std::string reason;  // enhanced status and text, as the sender will read it
  friend bool operator==(const Refuse&, const Refuse&) = default;
};
// Something this version cannot carry out (a program line, say): temporary, with its reason, so
// that the mail waits for an operator instead of vanishing.
struct Defer {
  std::string reason;
  friend bool operator==(const Defer&, const Defer&) = default;
};

// The automatic answer of a mailbox that the message was delivered to, beside which it stands
// (RFC 3834). The queue decides whether this message gets one.
struct AutoReply {
  Address mailbox;
  std::string subject;  // empty: made of the one that is answered
  std::string text;
  std::optional<WallTime> begins;
  std::optional<WallTime> ends;
  std::uint32_t days = kDefaultVacationDays;
  bool only_if_named = true;
  std::vector<Address> own;  // the mailbox's addresses: one in To or Cc counts as named
  friend bool operator==(const AutoReply&, const AutoReply&) = default;
};

using Instruction =
    std::variant<DeliverMaildir, Forward, Discard, Refuse, Defer, HandOver, AutoReply>;

void put_instruction(Encoder& e, const Instruction& instruction);
Instruction take_instruction(Decoder& d);
// "maildir example.org/ann/Maildir", "forward bob@x.test", "lmtp /run/dovecot/lmtp for
// ann@example.org": for people.
std::string describe(const Instruction& instruction);

}  // namespace toast::vdomain
