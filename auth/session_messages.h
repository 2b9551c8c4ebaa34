// On the channels over which front ends ask authd: authd tells them whose sessions are over; smtpd
// tells authd who sends under addresses that are not theirs.
#pragma once

#include <cstdint>
#include <string>

#include "auth/foreign_senders.h"
#include "auth/service.h"
#include "base/codec.h"

namespace toast::auth {

// A notice. The account is locked: sessions of this mailbox end after the reply that is being
// given, and nothing that a client has asked for besides is done.
struct EndSessions {
  static constexpr std::uint16_t kType = 70;
  std::string mailbox;  // canonical
  void encode(Encoder& e) const { e.bytes(mailbox); }
  static EndSessions decode(Decoder& d) { return {d.string(kMaxLoginName)}; }
};

// A notice of smtpd: sendercheck or fromcheck has found it.
struct SawForeignSender {
  static constexpr std::uint16_t kType = 71;
  std::string login;
  std::string address;
  SenderPlace place = SenderPlace::mail_from;
  bool refused = false;
  void encode(Encoder& e) const {
    e.bytes(login);
    e.bytes(address);
    e.enumeration(place);
    e.boolean(refused);
  }
  static SawForeignSender decode(Decoder& d) {
    SawForeignSender m;
    m.login = d.string(kMaxLoginName);
    m.address = d.string(kMaxLoginName);
    m.place = d.enumeration(kLastSenderPlace);
    m.refused = d.boolean();
    return m;
  }
};

}  // namespace toast::auth
