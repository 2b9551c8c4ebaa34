// smtpd and pop3d -> authd: one SASL exchange (RFC 4422). The front end carries the bytes, base64
// taken off, and reads none of them; authd knows the mechanisms. The end of a good exchange is a
// ticket, as with Login, and the name of the mailbox.
//
//   SaslStart -> challenge -> SaslStep -> challenge ... -> granted | refused | ...
//
// An exchange that has not ended is known to authd by a number, which only the channel it was begun
// on can use; SaslCancel, another SaslStart of the same connection, the channel's end or
// kSaslPatience ends it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "auth/login_messages.h"
#include "auth/service.h"
#include "base/codec.h"
#include "base/ipc.h"
#include "base/secret.h"

namespace toast::auth {

// "SCRAM-SHA-256-PLUS" is 18; RFC 4422 section 3.1 allows 20.
inline constexpr std::size_t kMaxMechanismName = 20;
// What one side says at once, without base64. A line of RFC 4954 section 4.5 may have 12 288 octets
// of base64, which is 9216; nothing that the mechanisms here say comes near: PLAIN has the longest.
inline constexpr std::size_t kMaxSaslMessage = 2 * kMaxLoginName + kMaxPassword + 2;
// tls-exporter has 32 bytes (RFC 9266).
inline constexpr std::size_t kMaxChannelBinding = 64;
// How long authd waits for the next step: as long as a person types, and a front end's read
// deadline.
inline constexpr std::chrono::seconds kSaslPatience{180};

// Where an exchange stands after a step.
struct SaslReply {
  enum class Outcome : std::uint8_t {
    challenge,  // say `challenge` to the client, its answer is the next SaslStep
    granted,
    refused,      // unknown, wrong or disabled: the peer cannot tell which
    throttled,    // too many failures from here or for this account
    malformed,    // not what the mechanism calls for (RFC 4954: 501 5.5.2)
    unsupported,  // no such mechanism here (504 5.5.4), or not without TLS (538 5.7.11)
  };
  Outcome outcome = Outcome::refused;
  std::uint64_t exchange = 0;     // challenge only
  std::string challenge;          // challenge only; may be empty
  std::string ticket;             // granted only
  std::string mailbox;            // granted only: canonical address
  std::uint32_t retry_after = 0;  // seconds; throttled only

  void encode(Encoder& e) const {
    e.enumeration(outcome);
    e.u64(exchange);
    e.bytes(challenge);
    e.bytes(ticket);
    e.bytes(mailbox);
    e.u32(retry_after);
  }
  static SaslReply decode(Decoder& d) {
    SaslReply r;
    r.outcome = d.enumeration(Outcome::unsupported);
    r.exchange = d.u64();
    r.challenge = d.string(kMaxSaslMessage);
    r.ticket = d.string(kMaxTicketBytes);
    r.mailbox = d.string(kMaxLoginName);
    r.retry_after = d.u32();
    return r;
  }
};

struct SaslStart {
  static constexpr std::uint16_t kType = 2;
  static constexpr bool kSecret = true;
  using Reply = SaslReply;  // an outage is an error reply, always transient
  Service service = Service::pop3;
  std::string mechanism;     // as typed; compared without case
  bool has_initial = false;  // an initial response was given, empty or not
  Secret initial;
  bool encrypted = false;
  std::string channel_binding;  // tls-exporter's bytes; empty without TLS
  std::string peer;             // address of the client, text form
  std::string connection;       // the front end's name for this connection
  std::string local = {};       // the address that the client has connected to, text form

  void encode(Encoder& e) const {
    e.enumeration(service);
    e.bytes(mechanism);
    e.boolean(has_initial);
    e.bytes(initial.view());
    e.boolean(encrypted);
    e.bytes(channel_binding);
    e.bytes(peer);
    e.bytes(connection);
    e.bytes(local);
  }
  static SaslStart decode(Decoder& d) {
    SaslStart m;
    m.service = d.enumeration(kLastService);
    m.mechanism = d.string(kMaxMechanismName);
    m.has_initial = d.boolean();
    m.initial = Secret(d.bytes(kMaxSaslMessage));
    m.encrypted = d.boolean();
    m.channel_binding = d.string(kMaxChannelBinding);
    m.peer = d.string(kMaxPeerAddress);
    m.connection = d.string(kMaxConnection);
    m.local = d.string(kMaxPeerAddress);
    return m;
  }
};

struct SaslStep {
  static constexpr std::uint16_t kType = 3;
  static constexpr bool kSecret = true;
  using Reply = SaslReply;
  std::uint64_t exchange = 0;
  Secret response;

  void encode(Encoder& e) const {
    e.u64(exchange);
    e.bytes(response.view());
  }
  static SaslStep decode(Decoder& d) {
    SaslStep m;
    m.exchange = d.u64();
    m.response = Secret(d.bytes(kMaxSaslMessage));
    return m;
  }
};

// The client said "*", or left.
struct SaslCancel {
  static constexpr std::uint16_t kType = 4;
  using Reply = ipc::Done;
  std::uint64_t exchange = 0;
  void encode(Encoder& e) const { e.u64(exchange); }
  static SaslCancel decode(Decoder& d) { return {.exchange = d.u64()}; }
};

}  // namespace toast::auth
