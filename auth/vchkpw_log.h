// A line for every login in the words of vpopmail's vchkpw, for programs that read its log:
// fail2ban above all. Only the words; the time is the logger's business, as it was syslog's.
//
//   vchkpw-pop3: (PLAIN) login success ann@example.org:192.0.2.7
//   vchkpw-smtp: password fail ann@example.org:2001:db8::7
//   vchkpw-pop3: vpopmail user not found nobody@example.org:192.0.2.7
//
// The name is what a client typed. It cannot end a line or forge an address: bytes that are no
// printable ASCII, blanks and colons in it are shown as '?', so what stands behind the first colon
// after it is the address. The password is never written.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "auth/service.h"

namespace toast::auth {

enum class VchkpwWord : unsigned char {
  success,
  wrong_password,
  no_such_user,
  no_password,    // the account has none
  access_denied,  // the service is off, or the account is locked
};

// Without a line end. `login` as typed; a name without a domain gets `default_domain`.
std::string vchkpw_line(VchkpwWord word, Service service, std::string_view mechanism,
                        std::string_view login, std::string_view default_domain,
                        std::string_view peer);

class VchkpwLog {
 public:
  using Write = std::function<void(std::string_view line)>;
  static Write to_standard_error();
  explicit VchkpwLog(Write write) : write_(std::move(write)) {}
  void use(bool on, std::string default_domain) {
    on_ = on;
    default_domain_ = std::move(default_domain);
  }
  void login(VchkpwWord word, Service service, std::string_view mechanism, std::string_view login,
             std::string_view peer) const;

 private:
  Write write_;
  bool on_ = false;
  std::string default_domain_;
};

}  // namespace toast::auth
