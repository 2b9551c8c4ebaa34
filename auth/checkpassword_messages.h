// toast-checkpassword -> authd, by run/checkpassword.sock: is this password right, and whose mail
// is it. authd answers root, its own user and the owner of the instance.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auth/login_messages.h"
#include "auth/service.h"
#include "base/codec.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr std::string_view kCheckpasswordSocket = "checkpassword.sock";

struct CheckLogin {
  static constexpr std::uint16_t kType = 40;
  static constexpr bool kSecret = true;
  struct Reply {  // an error reply is an outage, always transient
    Login::Outcome outcome = Login::Outcome::refused;
    std::string mailbox;            // granted only: canonical address
    std::string maildir;            // granted only: relative to mail/
    std::uint64_t quota_bytes = 0;  // 0: no limit, as with quota_messages
    std::uint64_t quota_messages = 0;
    void encode(Encoder& e) const {
      e.enumeration(outcome);
      e.bytes(mailbox);
      e.bytes(maildir);
      e.u64(quota_bytes);
      e.u64(quota_messages);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.outcome = d.enumeration(Login::Outcome::throttled);
      r.mailbox = d.string(kMaxLoginName);
      r.maildir = d.string(kMaxMaildirPath);
      r.quota_bytes = d.u64();
      r.quota_messages = d.u64();
      return r;
    }
  };
  Service service = Service::checkpassword;
  std::string login;  // as typed
  Secret password;
  std::string peer;  // address of the client, text form

  void encode(Encoder& e) const {
    e.enumeration(service);
    e.bytes(login);
    e.bytes(password.view());
    e.bytes(peer);
  }
  static CheckLogin decode(Decoder& d) {
    CheckLogin m;
    m.service = d.enumeration(kLastService);
    m.login = d.string(kMaxLoginName);
    m.password = Secret(d.bytes(kMaxPassword));
    m.peer = d.string(kMaxPeerAddress);
    return m;
  }
};

}  // namespace toast::auth
