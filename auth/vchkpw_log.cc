#include "auth/vchkpw_log.h"

#include <unistd.h>

#include <algorithm>

namespace toast::auth {
namespace {

// vchkpw reads it off the local port, which authd does not hear: 25 stands for 465 and 587, too.
// Without a port it says 0.
std::string_view program_of(Service service) {
  switch (service) {
    case Service::pop3:
      return "vchkpw-pop3";
    case Service::smtp:
      return "vchkpw-smtp";
    case Service::imap:
      return "vchkpw-imap";
    case Service::checkpassword:
      return "vchkpw-0";
  }
  return "vchkpw";
}

std::string_view denied_by(Service service) {
  switch (service) {
    case Service::smtp:
      return "smtp access denied";
    case Service::imap:
      return "imap access denied";
    case Service::pop3:
    case Service::checkpassword:
      return "pop access denied";
  }
  return "access denied";
}

std::string words_for(VchkpwWord word, Service service, std::string_view mechanism) {
  switch (word) {
    case VchkpwWord::success:
      return "(" + std::string(mechanism) + ") login success";
    case VchkpwWord::wrong_password:
      return "password fail";
    case VchkpwWord::no_such_user:
      return "vpopmail user not found";
    case VchkpwWord::no_password:
      return "user has no password";
    case VchkpwWord::access_denied:
      return std::string(denied_by(service));
  }
  return {};
}

std::string shown(std::string_view login) {
  std::string name(login);
  std::ranges::replace_if(
      name, [](char c) { return c <= ' ' || c > '~' || c == ':'; }, '?');
  return name;
}

}  // namespace

std::string vchkpw_line(VchkpwWord word, Service service, std::string_view mechanism,
                        std::string_view login, std::string_view default_domain,
                        std::string_view peer) {
  std::string line(program_of(service));
  line += ": " + words_for(word, service, mechanism) + ' ' + shown(login);
  if (login.find('@') == std::string_view::npos) (line += '@') += default_domain;
  return (line += ':') += peer;
}

VchkpwLog::Write VchkpwLog::to_standard_error() {
  return [](std::string_view line) {
    const std::string whole = std::string(line) + "\n";
    (void)!::write(STDERR_FILENO, whole.data(), whole.size());
  };
}

void VchkpwLog::login(VchkpwWord word, Service service, std::string_view mechanism,
                      std::string_view login, std::string_view peer) const {
  if (!on_ || !write_) return;
  write_(vchkpw_line(word, service, mechanism, login, default_domain_, peer));
}

}  // namespace toast::auth
