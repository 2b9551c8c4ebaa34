// authd -> vdomaind: which mailbox does a login name mean, and may it use this service. Declared
// here because auth/ is below vdomain/; vdomaind answers it.
#pragma once

#include <cstdint>
#include <string>

#include "auth/login_messages.h"
#include "base/codec.h"

namespace toast::auth {

struct FindAccount {
  static constexpr std::uint16_t kType = 20;
  // An error reply is always transient: the directory cannot be asked now.
  struct Reply {
    bool found = false;
    bool allowed = false;  // the service is switched on and neither mailbox nor domain is suspended
    std::string mailbox;   // canonical address, after domain aliases; empty when not found
    std::string maildir;   // relative to mail/
    std::uint64_t quota_bytes = 0;
    std::uint64_t quota_messages = 0;
    void encode(Encoder& e) const {
      e.boolean(found);
      e.boolean(allowed);
      e.bytes(mailbox);
      e.bytes(maildir);
      e.u64(quota_bytes);
      e.u64(quota_messages);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.found = d.boolean();
      r.allowed = d.boolean();
      r.mailbox = d.string(kMaxLoginName);
      r.maildir = d.string(kMaxMaildirPath);
      r.quota_bytes = d.u64();
      r.quota_messages = d.u64();
      return r;
    }
  };
  Service service = Service::pop3;
  std::string login;  // as typed; a name without domain gets the default domain

  void encode(Encoder& e) const {
    e.enumeration(service);
    e.bytes(login);
  }
  static FindAccount decode(Decoder& d) {
    FindAccount m;
    m.service = d.enumeration(kLastService);
    m.login = d.string(kMaxLoginName);
    return m;
  }
};

}  // namespace toast::auth
