// smtpd and queued -> vdomaind: does this recipient exist, and where does its mail go. Both
// questions go to the one resolver, so acceptance and delivery cannot disagree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/ipc.h"
#include "vdomain/instruction.h"

namespace toast::vdomain {

// smtpd, for every RCPT. An error reply is always transient: the directory cannot be asked now.
struct CheckRecipient {
  static constexpr std::uint16_t kType = 1;
  enum class Verdict : std::uint8_t {
    accept,
    unknown,     // the domain is ours, nobody has this name: 550 5.1.1
    over_quota,  // 452 4.2.2
    suspended,   // 550 5.2.1 with the administrator's reason
    not_local,   // not a domain of ours: a matter of relaying
  };
  struct Reply {
    Verdict verdict = Verdict::unknown;
    // Text that the peer may read: for suspended; for unknown the operator's, empty: our own.
    std::string reason;
    void encode(Encoder& e) const {
      e.enumeration(verdict);
      e.bytes(reason);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.verdict = d.enumeration(Verdict::not_local);
      r.reason = d.string(kMaxReason);
      return r;
    }
  };
  Address recipient;
  std::uint64_t size_bytes = 0;  // what MAIL announced with SIZE=, else 0

  void encode(Encoder& e) const {
    put_address(e, recipient);
    e.u64(size_bytes);
  }
  static CheckRecipient decode(Decoder& d) {
    Address recipient = take_address(d);
    return {std::move(recipient), d.u64()};
  }
};

// queued, at the time of delivery.
struct Resolve {
  static constexpr std::uint16_t kType = 2;
  enum class Status : std::uint8_t { resolved, unknown, not_local };
  struct Reply {
    Status status = Status::unknown;
    std::vector<Instruction> instructions;  // in order; empty unless resolved
    std::string reason;  // for unknown: the operator's words for senders; empty: our own
    void encode(Encoder& e) const {
      e.enumeration(status);
      e.list(instructions, put_instruction);
      e.bytes(reason);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.status = d.enumeration(Status::not_local);
      r.instructions = d.list(kMaxInstructions, take_instruction);
      r.reason = d.string(kMaxReason);
      return r;
    }
  };
  Address recipient;

  void encode(Encoder& e) const { put_address(e, recipient); }
  static Resolve decode(Decoder& d) { return {take_address(d)}; }
};

}  // namespace toast::vdomain
