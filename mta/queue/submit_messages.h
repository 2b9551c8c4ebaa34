// smtpd -> queued: a message, streamed. The answer to SubmitEnd is the promise that it will not be
// lost.
//
//   RedeemTicket (a client has logged in) ... EndLogin (it has gone)
//   SubmitBegin (notice)  SubmitChunk* (each answered when it is stored)  SubmitEnd -> Submitted
//
// A small message is one SubmitBegin and one SubmitEnd in one write. If smtpd dies or sends
// SubmitAbort, nothing is kept. An error reply to a chunk or to the end: transient (disk full,
// queue failed: 4.3.x) or permanent (the filter's verdict); the submission is over then.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/service.h"
#include "base/codec.h"
#include "base/ipc.h"
#include "mta/message/address_codec.h"
#include "mta/message/message_id.h"
#include "mta/queue/journal/record.h"

namespace toast::queue {

inline constexpr std::size_t kMaxChunk = 64 * 1024;
inline constexpr std::size_t kMaxEnvelopeRecipients =
    10000;  // the protocol's bound; smtpd sets a lower one
inline constexpr std::size_t kMaxTraceText = 256;

enum class BodyType : std::uint8_t { seven_bit, eight_bit_mime };

struct SubmitRecipient {
  // Not explicit: most recipients are nothing but their address.
  SubmitRecipient(Address to, std::uint8_t notify_bits = 0, std::string original = {})
      : address(std::move(to)), notify(notify_bits), orcpt(std::move(original)) {}
  Address address;
  std::uint8_t notify = 0;  // kNotify... of journal/record.h; 0: nothing was said
  std::string orcpt;        // as the client gave it, "rfc822;ann@example.org"; empty: none
};
inline void put_submit_recipient(Encoder& e, const SubmitRecipient& recipient) {
  put_address(e, recipient.address);
  e.u8(recipient.notify);
  e.bytes(recipient.orcpt);
}
inline std::uint8_t take_notify(Decoder& d) {
  const std::uint8_t notify = d.u8();
  if (notify >= 2 * kNotifyDelay || (notify > kNotifyNever && (notify & kNotifyNever) != 0))
    d.fail("NOTIFY");
  return notify;
}
inline SubmitRecipient take_submit_recipient(Decoder& d) {
  SubmitRecipient recipient(take_address(d));
  recipient.notify = take_notify(d);
  recipient.orcpt = d.string(kMaxOrcptBytes);
  return recipient;
}

struct SubmitBegin {  // a notice
  static constexpr std::uint16_t kType = 1;
  std::uint32_t submission = 0;  // smtpd's number for it, unique on the channel while it is open
  MessageId id;                  // made by smtpd: it is in the Received field already
  ReversePath reverse_path;
  bool verp = false;  // bounces come one per recipient; the path is without its mark "-@[]"
  std::vector<SubmitRecipient> recipients;  // at least one
  BodyType body_type = BodyType::seven_bit;
  bool smtputf8 = false;
  DsnReturn ret = DsnReturn::unset;
  std::string envid;  // decoded; empty: none
  std::string peer;   // "192.0.2.7" or "2001:db8::7"
  std::string helo;
  // The connection whose login it is, redeemed before; empty: a stranger's.
  std::string connection;
  // The login: queued's own, from what was redeemed. It does not travel.
  std::string authenticated;

  void encode(Encoder& e) const {
    e.u32(submission);
    e.u64(id.value());
    put_reverse_path(e, reverse_path);
    e.boolean(verp);
    e.list(recipients, put_submit_recipient);
    e.enumeration(body_type);
    e.boolean(smtputf8);
    e.enumeration(ret);
    e.bytes(envid);
    e.bytes(peer);
    e.bytes(helo);
    e.bytes(connection);
  }
  static SubmitBegin decode(Decoder& d) {
    SubmitBegin m;
    m.submission = d.u32();
    m.id = MessageId(d.u64());
    m.reverse_path = take_reverse_path(d);
    m.verp = d.boolean();
    if (m.verp && !m.reverse_path) d.fail("VERP without a sender");
    m.recipients = d.list(kMaxEnvelopeRecipients, take_submit_recipient);
    if (m.recipients.empty()) d.fail("no recipient");
    m.body_type = d.enumeration(BodyType::eight_bit_mime);
    m.smtputf8 = d.boolean();
    m.ret = d.enumeration(DsnReturn::full);
    m.envid = d.string(kMaxEnvidBytes);
    m.peer = d.string(kMaxTraceText);
    m.helo = d.string(kMaxTraceText);
    m.connection = d.string(auth::kMaxConnection);
    return m;
  }
};

struct SubmitChunk {
  static constexpr std::uint16_t kType = 2;
  using Reply = ipc::Done;
  std::uint32_t submission = 0;
  std::string bytes;  // LF line ends
  void encode(Encoder& e) const {
    e.u32(submission);
    e.bytes(bytes);
  }
  static SubmitChunk decode(Decoder& d) {
    SubmitChunk m;
    m.submission = d.u32();
    m.bytes = d.string(kMaxChunk);
    return m;
  }
};

struct SubmitEnd {
  static constexpr std::uint16_t kType = 3;
  using Reply = ipc::Done;  // it is on stable storage: say 250
  std::uint32_t submission = 0;
  std::string bytes;  // the last chunk, may be empty
  void encode(Encoder& e) const {
    e.u32(submission);
    e.bytes(bytes);
  }
  static SubmitEnd decode(Decoder& d) {
    SubmitEnd m;
    m.submission = d.u32();
    m.bytes = d.string(kMaxChunk);
    return m;
  }
};

struct SubmitAbort {  // a notice
  static constexpr std::uint16_t kType = 4;
  std::uint32_t submission = 0;
  void encode(Encoder& e) const { e.u32(submission); }
  static SubmitAbort decode(Decoder& d) { return {d.u32()}; }
};

// smtpd, at MAIL: is there room for a message of this size? An error reply says why not
// (452 4.3.1).
struct CheckSpace {
  static constexpr std::uint16_t kType = 5;
  using Reply = ipc::Done;
  std::uint64_t size_bytes = 0;
  std::string connection;  // with a login: has it reached its limits? 450 4.7.1
  void encode(Encoder& e) const {
    e.u64(size_bytes);
    e.bytes(connection);
  }
  static CheckSpace decode(Decoder& d) {
    CheckSpace m;
    m.size_bytes = d.u64();
    m.connection = d.string(auth::kMaxConnection);
    return m;
  }
};

// A client has logged in. A ticket is good once and for 30 s, a connection sends many messages: so
// queued takes the ticket here, and remembers the login for as long as smtpd has the connection,
// the channel is open, and kLoginLifetime (logins.h). Another ticket for the same connection takes
// the place of the first. Every refusal is an error.
struct RedeemTicket {
  static constexpr std::uint16_t kType = 9;
  using Reply = ipc::Done;
  std::string ticket;
  std::string connection;
  void encode(Encoder& e) const {
    e.bytes(ticket);
    e.bytes(connection);
  }
  static RedeemTicket decode(Decoder& d) {
    RedeemTicket m;
    m.ticket = d.string(auth::kMaxTicketBytes);
    m.connection = d.string(auth::kMaxConnection);
    return m;
  }
};

struct EndLogin {  // a notice
  static constexpr std::uint16_t kType = 10;
  std::string connection;
  void encode(Encoder& e) const { e.bytes(connection); }
  static EndLogin decode(Decoder& d) { return {d.string(auth::kMaxConnection)}; }
};

}  // namespace toast::queue
