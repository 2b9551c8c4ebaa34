// Local programs (qmail-queue and its kin) -> queued, over the socket run/submit.sock, which
// anybody on this machine may connect to: who that is the kernel says. A message, streamed in the
// order of qmail-queue's descriptors, the envelope after the content:
//
//   LocalOpen -> LocalOpened   SubmitChunk*   LocalRecipients*   LocalEnd -> Done: on stable
//   storage
//
// A client that dies or sends SubmitAbort leaves nothing behind. Errors are transient (try again
// later) or permanent (this message, never), and a submission is over with its first one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "base/ipc.h"
#include "mta/message/message_id.h"
#include "mta/queue/submit_messages.h"

namespace toast::queue {

inline constexpr std::string_view kSubmitSocket = "submit.sock";  // in run/
inline constexpr std::size_t kMaxLocalAddress = 1002;  // qmail-queue's limit, without its letter
// In one message, so that it fits a frame with addresses and ORCPTs of full length.
inline constexpr std::size_t kMaxLocalRecipients = 500;

struct LocalOpened {
  MessageId id;  // queued makes it: a local user's word is not taken for it
  void encode(Encoder& e) const { e.u64(id.value()); }
  static LocalOpened decode(Decoder& d) { return {MessageId(d.u64())}; }
};

struct LocalOpen {
  static constexpr std::uint16_t kType = 6;
  using Reply = LocalOpened;
  std::uint32_t submission = 0;  // the client's number for it
  void encode(Encoder& e) const { e.u32(submission); }
  static LocalOpen decode(Decoder& d) { return {d.u32()}; }
};

// As qmail-queue is given it: local part unquoted, any bytes but NUL; parsed by queued.
struct LocalRecipient {
  std::string address;
  std::uint8_t notify = 0;  // as in SubmitRecipient
  std::string orcpt;
};

struct LocalRecipients {
  static constexpr std::uint16_t kType = 7;
  using Reply = ipc::Done;
  std::uint32_t submission = 0;
  std::vector<LocalRecipient> recipients;
  void encode(Encoder& e) const {
    e.u32(submission);
    e.list(recipients, [](Encoder& to, const LocalRecipient& recipient) {
      to.bytes(recipient.address);
      to.u8(recipient.notify);
      to.bytes(recipient.orcpt);
    });
  }
  static LocalRecipients decode(Decoder& d) {
    LocalRecipients m;
    m.submission = d.u32();
    m.recipients = d.list(kMaxLocalRecipients, [](Decoder& from) {
      LocalRecipient recipient;
      recipient.address = from.string(kMaxLocalAddress);
      recipient.notify = take_notify(from);
      recipient.orcpt = from.string(kMaxOrcptBytes);
      return recipient;
    });
    return m;
  }
};

struct LocalEnd {
  static constexpr std::uint16_t kType = 8;
  using Reply = ipc::Done;
  std::uint32_t submission = 0;
  // As qmail-queue is given it: empty, "#@[]", "list-@host-@[]", or an address.
  std::string sender;
  DsnReturn ret = DsnReturn::unset;
  std::string envid;  // printable ASCII
  std::string bytes;  // the last of the content
  void encode(Encoder& e) const {
    e.u32(submission);
    e.bytes(sender);
    e.enumeration(ret);
    e.bytes(envid);
    e.bytes(bytes);
  }
  static LocalEnd decode(Decoder& d) {
    LocalEnd m;
    m.submission = d.u32();
    m.sender = d.string(kMaxLocalAddress);
    m.ret = d.enumeration(DsnReturn::full);
    m.envid = d.string(kMaxEnvidBytes);
    m.bytes = d.string(kMaxChunk);
    return m;
  }
};

}  // namespace toast::queue
