// authd -> vdomaind: which mailbox does a login name mean, and may it use this service. Declared
// here because auth/ is below vdomain/; vdomaind answers it.
#pragma once

#include <cstdint>
#include <string>

#include "auth/login_messages.h"
#include "base/codec.h"

namespace toast::auth {

// A login name with the domain that it gets.
inline constexpr std::size_t kMaxFullName = 2 * kMaxLoginName;

struct FindAccount {
  static constexpr std::uint16_t kType = 20;
  // An error reply is always transient: the directory cannot be asked now.
  struct Reply {
    bool found = false;
    bool allowed = false;  // the service is switched on and neither mailbox nor domain is suspended
    std::string domain;    // the name's, after aliases; empty when it is none of ours
    std::string mailbox;   // canonical address, after domain aliases; empty when not found
    std::string maildir;   // relative to mail/
    std::uint64_t quota_bytes = 0;
    std::uint64_t quota_messages = 0;
    std::string name;  // the address that the login stands for, there or not; empty: for none
    void encode(Encoder& e) const {
      e.boolean(found);
      e.boolean(allowed);
      e.bytes(domain);
      e.bytes(mailbox);
      e.bytes(maildir);
      e.u64(quota_bytes);
      e.u64(quota_messages);
      e.bytes(name);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.found = d.boolean();
      r.allowed = d.boolean();
      r.domain = d.string(kMaxAccountDomain);
      r.mailbox = d.string(kMaxLoginName);
      r.maildir = d.string(kMaxMaildirPath);
      r.quota_bytes = d.u64();
      r.quota_messages = d.u64();
      r.name = d.string(kMaxFullName);
      return r;
    }
  };
  Service service = Service::pop3;
  std::string login;       // as typed; a name without domain gets the default domain
  std::string local = {};  // the address that was connected to: it may have another default

  void encode(Encoder& e) const {
    e.enumeration(service);
    e.bytes(login);
    e.bytes(local);
  }
  static FindAccount decode(Decoder& d) {
    FindAccount m;
    m.service = d.enumeration(kLastService);
    m.login = d.string(kMaxLoginName);
    m.local = d.string(kMaxPeerAddress);
    return m;
  }
};

}  // namespace toast::auth
