#include "auth/vchkpw_log.h"

#include <gtest/gtest.h>

#include <vector>

namespace toast::auth {
namespace {

TEST(VchkpwLog, SpeaksVchkpwsWords) {
  struct Case {
    VchkpwWord word;
    Service service;
    const char* login;
    const char* peer;
    const char* line;
  };
  const Case kCases[] = {
      {VchkpwWord::success, Service::pop3, "ann@example.org", "192.0.2.7",
       "vchkpw-pop3: (PLAIN) login success ann@example.org:192.0.2.7"},
      {VchkpwWord::wrong_password, Service::smtp, "ann@example.org", "2001:db8::7",
       "vchkpw-smtp: password fail ann@example.org:2001:db8::7"},
      {VchkpwWord::no_such_user, Service::pop3, "nobody", "192.0.2.7",
       "vchkpw-pop3: vpopmail user not found nobody@mx.example:192.0.2.7"},
      {VchkpwWord::no_password, Service::imap, "ann@example.org", "192.0.2.7",
       "vchkpw-imap: user has no password ann@example.org:192.0.2.7"},
      {VchkpwWord::access_denied, Service::pop3, "ann@example.org", "192.0.2.7",
       "vchkpw-pop3: pop access denied ann@example.org:192.0.2.7"},
      {VchkpwWord::access_denied, Service::smtp, "ann@example.org", "192.0.2.7",
       "vchkpw-smtp: smtp access denied ann@example.org:192.0.2.7"},
      {VchkpwWord::success, Service::checkpassword, "ann@example.org", "127.0.0.1",
       "vchkpw-0: (PLAIN) login success ann@example.org:127.0.0.1"},
      // a name that forges a line, an address
      {VchkpwWord::no_such_user, Service::pop3, "x\nvchkpw-pop3: password fail a@b:203.0.113.9",
       "192.0.2.7",
       "vchkpw-pop3: vpopmail user not found x?vchkpw-pop3??password?fail?a@b?203.0.113.9"
       ":192.0.2.7"},
      {VchkpwWord::no_such_user, Service::pop3, "", "192.0.2.7",
       "vchkpw-pop3: vpopmail user not found @mx.example:192.0.2.7"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(vchkpw_line(c.word, c.service, "PLAIN", c.login, "mx.example", c.peer), c.line);
}

TEST(VchkpwLog, IsSilentUntilItIsWanted) {
  std::vector<std::string> lines;
  VchkpwLog log([&](std::string_view line) { lines.emplace_back(line); });
  const auto login = [&] {
    log.login(VchkpwWord::success, Service::pop3, "PLAIN", "ann@example.org", "192.0.2.7");
  };
  login();
  EXPECT_TRUE(lines.empty());
  log.use(true, "mx.example");
  login();
  EXPECT_EQ(lines.size(), 1U);
  log.use(false, "mx.example");
  login();
  EXPECT_EQ(lines.size(), 1U);
}

}  // namespace
}  // namespace toast::auth
