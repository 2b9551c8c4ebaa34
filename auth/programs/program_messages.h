// authd -> spawnd: does the program of this domain take this password? The domain is all that authd
// says about the program: which one it is, and as whom it runs, spawnd knows from control/.
#pragma once

#include <cstdint>
#include <string>

#include "auth/login_messages.h"
#include "auth/service.h"
#include "base/codec.h"
#include "base/secret.h"

namespace toast::auth {

struct CheckByProgram {
  static constexpr std::uint16_t kType = 50;
  static constexpr bool kSecret = true;
  enum class Verdict : std::uint8_t {
    right,
    wrong,
    unknown,  // the program could not say, or could not be asked: never a bad password
  };
  struct Reply {
    Verdict verdict = Verdict::unknown;
    std::string reason;  // of unknown
    void encode(Encoder& e) const {
      e.enumeration(verdict);
      e.bytes(reason);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.verdict = d.enumeration(Verdict::unknown);
      r.reason = d.string(kMaxReason);
      return r;
    }
  };
  static constexpr std::size_t kMaxReason = 1024;
  std::string domain;  // as control/checkpasswordprograms has it
  std::string login;   // the whole address
  Secret password;     // as typed
  Service service = Service::pop3;
  std::string peer;  // address of the client, text form

  void encode(Encoder& e) const {
    e.bytes(domain);
    e.bytes(login);
    e.bytes(password.view());
    e.enumeration(service);
    e.bytes(peer);
  }
  static CheckByProgram decode(Decoder& d) {
    CheckByProgram m;
    m.domain = d.string(kMaxAccountDomain);
    m.login = d.string(kMaxLoginName);
    m.password = Secret(d.bytes(kMaxPassword));
    m.service = d.enumeration(kLastService);
    m.peer = d.string(kMaxPeerAddress);
    return m;
  }
};

}  // namespace toast::auth
