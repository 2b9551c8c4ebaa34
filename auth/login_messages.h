// pop3d -> authd: who is this. The answer to a good password is a ticket, which the
// front end hands on unread; to a bad one, the same words whether the account exists or not.
#pragma once

#include <cstdint>
#include <string>

#include "auth/md5_proof.h"
#include "auth/service.h"
#include "auth/stamp.h"
#include "base/codec.h"
#include "base/ipc.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kMaxPeerAddress = 64;

struct Login {
  static constexpr std::uint16_t kType = 1;
  static constexpr bool kSecret = true;
  enum class Outcome : std::uint8_t {
    granted,
    refused,    // unknown, wrong or disabled: the peer cannot tell which
    throttled,  // too many failures from here or for this account: try again later
  };
  // An outage is an error reply, always transient.
  struct Reply {
    Outcome outcome = Outcome::refused;
    std::string ticket;             // granted only
    std::string mailbox;            // granted only: canonical address
    std::uint32_t retry_after = 0;  // seconds; throttled only
    void encode(Encoder& e) const {
      e.enumeration(outcome);
      e.bytes(ticket);
      e.bytes(mailbox);
      e.u32(retry_after);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.outcome = d.enumeration(Outcome::throttled);
      r.ticket = d.string(kMaxTicketBytes);
      r.mailbox = d.string(kMaxLoginName);
      r.retry_after = d.u32();
      return r;
    }
  };
  Service service = Service::pop3;
  std::string login;  // as typed
  Secret password;
  std::string peer;        // address of the client, text form
  std::string connection;  // the front end's name for this connection: the ticket is bound to it
  std::string local = {};  // the address that the client has connected to, text form

  void encode(Encoder& e) const {
    e.enumeration(service);
    e.bytes(login);
    e.bytes(password.view());
    e.bytes(peer);
    e.bytes(connection);
    e.bytes(local);
  }
  static Login decode(Decoder& d) {
    Login m;
    m.service = d.enumeration(kLastService);
    m.login = d.string(kMaxLoginName);
    m.password = Secret(d.bytes(kMaxPassword));
    m.peer = d.string(kMaxPeerAddress);
    m.connection = d.string(kMaxConnection);
    m.local = d.string(kMaxPeerAddress);
    return m;
  }
};

// pop3d -> authd: APOP (RFC 1939 section 7). The stamp is the one that pop3d greeted this client
// with; authd believes it.
struct ApopLogin {
  static constexpr std::uint16_t kType = 5;
  using Reply = Login::Reply;
  std::string login;       // as typed
  std::string stamp;       // with its angle brackets
  std::string digest;      // kMd5Digits, lower case
  std::string peer;        // address of the client, text form
  std::string connection;  // the front end's name for this connection
  std::string local = {};  // the address that the client has connected to, text form

  void encode(Encoder& e) const {
    e.bytes(login);
    e.bytes(stamp);
    e.bytes(digest);
    e.bytes(peer);
    e.bytes(connection);
    e.bytes(local);
  }
  static ApopLogin decode(Decoder& d) {
    ApopLogin m;
    m.login = d.string(kMaxLoginName);
    m.stamp = d.string(kMaxStamp);
    m.digest = d.string(kMd5Digits);
    m.peer = d.string(kMaxPeerAddress);
    m.connection = d.string(kMaxConnection);
    m.local = d.string(kMaxPeerAddress);
    return m;
  }
};

}  // namespace toast::auth
