// toastctl -> queued, over run/queue.sock: a message that waited in another queue (qmail's, or that
// of a dead node) is taken over with its id, its age and what is left to be done. The peer is root
// or the owner of the instance (SO_PEERCRED). Types 30 to 39 of that socket. One message at a time
// on a connection, each step answered before the next:
//
//   TakeOver -> verdict   TakeOverRecipients+   TakeOverSteps*   TakeOverChunk*   TakeOverEnd ->
//   Done: on stable storage, and held   TakeOverConfirm: the client has noted that, also on stable
//   storage
//
// It is held until it is confirmed, so that nothing is delivered which the next run might not know
// of: whatever breaks in between, that run finds it here (is_here), notes it and confirms it. A
// message that a crash cut off in the middle of its records is not found: it is dropped when it is
// asked for again. TakeOverSettle, at the end: what was confirmed is on stable storage.
//
// A client that goes before TakeOverEnd leaves nothing behind. Errors: transient, now nothing can
// be taken; permanent, not this message. Both end it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/ipc.h"
#include "mta/message/address_codec.h"
#include "mta/message/message_id.h"
#include "mta/queue/submit_messages.h"

namespace toast::queue {

// In one message, so that it fits a frame with every text of full length.
inline constexpr std::size_t kMaxTakenRecipients = 200;
inline constexpr std::size_t kMaxTakenSteps = 64;

struct TakeOver {
  static constexpr std::uint16_t kType = 30;
  enum class Verdict : std::uint8_t {
    wanted,    // go on
    is_here,   // this very message is in the queue
    id_taken,  // another message with this id is
  };
  struct Reply {
    Verdict verdict = Verdict::wanted;
    void encode(Encoder& e) const { e.enumeration(verdict); }
    static Reply decode(Decoder& d) { return {d.enumeration(Verdict::id_taken)}; }
  };
  MessageId id;
  MessageId parent;
  std::int64_t arrival_microseconds = 0;  // Unix time
  Origin origin = Origin::local;
  // As in the journal: an address, with qmail's mark "-@[]" for one bounce per recipient; empty; or
  // "#@[]", the sender of double bounces.
  std::string reverse_path;
  std::optional<bool> eight_bit_mime;  // none: what the content shows
  bool smtputf8 = false;
  DsnReturn ret = DsnReturn::unset;
  std::string envid;
  std::string authenticated;
  std::string peer;
  std::string helo;
  std::string session;
  std::optional<std::string> hold;

  void encode(Encoder& e) const {
    e.u64(id.value());
    e.u64(parent.value());
    e.i64(arrival_microseconds);
    e.enumeration(origin);
    e.bytes(reverse_path);
    e.boolean(eight_bit_mime.has_value());
    e.boolean(eight_bit_mime.value_or(false));
    e.boolean(smtputf8);
    e.enumeration(ret);
    for (const std::string* text : {&envid, &authenticated, &peer, &helo, &session}) e.bytes(*text);
    e.boolean(hold.has_value());
    e.bytes(hold.value_or(""));
  }
  static TakeOver decode(Decoder& d) {
    TakeOver m;
    m.id = MessageId(d.u64());
    m.parent = MessageId(d.u64());
    m.arrival_microseconds = d.i64();
    m.origin = d.enumeration(Origin::reply);
    m.reverse_path = d.string(kMaxAddressBytes);
    const bool known = d.boolean();
    if (const bool eight_bit = d.boolean(); known) m.eight_bit_mime = eight_bit;
    m.smtputf8 = d.boolean();
    m.ret = d.enumeration(DsnReturn::full);
    m.envid = d.string(kMaxEnvidBytes);
    for (std::string* text : {&m.authenticated, &m.peer, &m.helo, &m.session})
      *text = d.string(kMaxTraceBytes);
    const bool held = d.boolean();
    if (std::string reason = d.string(kMaxText); held) m.hold = std::move(reason);
    return m;
  }
};

// What an attempt has come to so far.
struct TakenProgress {
  Fate fate = Fate::pending;
  std::uint32_t attempts = 0;
  std::int64_t next_attempt_microseconds = 0;
  std::string text;

  void encode(Encoder& e) const {
    e.enumeration(fate);
    e.u32(attempts);
    e.i64(next_attempt_microseconds);
    e.bytes(text);
  }
  static TakenProgress decode(Decoder& d) {
    TakenProgress p;
    p.fate = d.enumeration(Fate::failed);
    p.attempts = d.u32();
    p.next_attempt_microseconds = d.i64();
    p.text = d.string(kMaxText);
    return p;
  }
};

struct TakenRecipient {
  // Not explicit: most are nothing but their address.
  TakenRecipient(Address to) : address(std::move(to)) {}
  Address address;
  std::string original;
  std::string orcpt;
  std::uint8_t notify = 0;
  TakenProgress progress;  // failed: the bounce is still due
};

struct TakeOverRecipients {
  static constexpr std::uint16_t kType = 31;
  using Reply = ipc::Done;
  std::vector<TakenRecipient> recipients;

  void encode(Encoder& e) const {
    e.list(recipients, [](Encoder& to, const TakenRecipient& r) {
      put_address(to, r.address);
      to.bytes(r.original);
      to.bytes(r.orcpt);
      to.u8(r.notify);
      r.progress.encode(to);
    });
  }
  static TakeOverRecipients decode(Decoder& d) {
    TakeOverRecipients m;
    m.recipients = d.list(kMaxTakenRecipients, [](Decoder& from) {
      TakenRecipient r(take_address(from));
      r.original = from.string(kMaxAddressBytes);
      r.orcpt = from.string(kMaxOrcptBytes);
      r.notify = take_notify(from);
      r.progress = TakenProgress::decode(from);
      return r;
    });
    return m;
  }
};

// Instructions of one recipient that were begun: those that are done are not to be done again. They
// are added to what was sent for this recipient before.
struct TakeOverSteps {
  static constexpr std::uint16_t kType = 32;
  using Reply = ipc::Done;
  struct Step {
    std::string instruction;  // encoded vdomain::Instruction
    TakenProgress progress;
  };
  std::uint32_t recipient = 0;
  std::vector<Step> steps;

  void encode(Encoder& e) const {
    e.u32(recipient);
    e.list(steps, [](Encoder& to, const Step& step) {
      to.bytes(step.instruction);
      step.progress.encode(to);
    });
  }
  static TakeOverSteps decode(Decoder& d) {
    TakeOverSteps m;
    m.recipient = d.u32();
    m.steps = d.list(kMaxTakenSteps, [](Decoder& from) {
      Step step;
      step.instruction = from.string(kMaxInstructionBytes);
      step.progress = TakenProgress::decode(from);
      return step;
    });
    return m;
  }
};

struct TakeOverChunk {
  static constexpr std::uint16_t kType = 33;
  using Reply = ipc::Done;
  std::string bytes;  // LF line ends
  void encode(Encoder& e) const { e.bytes(bytes); }
  static TakeOverChunk decode(Decoder& d) { return {d.string(kMaxChunk)}; }
};

struct TakeOverEnd {
  static constexpr std::uint16_t kType = 34;
  using Reply = ipc::Done;
  void encode(Encoder&) const {}
  static TakeOverEnd decode(Decoder&) { return {}; }
};

// Changes nothing where the message is not held for this.
struct TakeOverConfirm {
  static constexpr std::uint16_t kType = 35;
  using Reply = ipc::Done;
  MessageId id;
  void encode(Encoder& e) const { e.u64(id.value()); }
  static TakeOverConfirm decode(Decoder& d) { return {MessageId(d.u64())}; }
};

struct TakeOverSettle {
  static constexpr std::uint16_t kType = 36;
  using Reply = ipc::Done;
  void encode(Encoder&) const {}
  static TakeOverSettle decode(Decoder&) { return {}; }
};

}  // namespace toast::queue
