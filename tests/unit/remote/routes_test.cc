#include "mta/remote/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace toast::remote {
namespace {

using Lines = std::vector<std::string>;
using ::testing::HasSubstr;

struct Case {
  Lines lines;
  std::string_view domain, hop;
};
const Case kCases[] = {
    {{}, "example.org", "example.org"},
    {{}, "[192.0.2.1]", "[192.0.2.1]:25"},
    // what a relay may be
    {{"example.org:relay.test"}, "example.org", "host:relay.test:25"},
    {{"example.org:relay.test:2525"}, "example.org", "host:relay.test:2525"},
    {{"example.org:192.0.2.7"}, "example.org", "[192.0.2.7]:25"},
    {{"example.org:[192.0.2.7]:26"}, "example.org", "[192.0.2.7]:26"},
    {{"example.org:[::1]:25"}, "example.org", "[::1]:25"},
    {{"example.org:[::1]"}, "example.org", "[::1]:25"},
    {{"example.org:lmtp:/run/dovecot/lmtp"}, "example.org", "lmtp:/run/dovecot/lmtp"},
    {{"example.org:lmtp:host.test:24"}, "example.org", "lmtp:host.test:24"},
    {{"example.org:lmtp:[::1]:24"}, "example.org", "lmtp:[::1]:24"},
    {{"example.org:lmtp"}, "example.org", "host:lmtp:25"},
    {{"example.org:lmtp:2525"}, "example.org", "host:lmtp:2525"},
    {{"Example.Org:Relay.TEST"}, "example.org", "host:relay.test:25"},
    // a relay that wants to know who we are
    {{":relay.test:587 joe pw"}, "example.org", "host:joe@relay.test:587"},
    {{":relay.test joe@example.net \t pw"}, "example.org", "host:joe@example.net@relay.test:25"},
    {{":[192.0.2.7]:587 joe pw"}, "example.org", "host:joe@[192.0.2.7]:587"},
    // nothing after the colon: the MX hosts, an exception from a wider line
    {{":relay.test", "example.org:"}, "example.org", "example.org"},
    {{":relay.test", "example.org::2525"}, "example.org", "example.org:2525"},
    {{"::2525"}, "example.org", "example.org:2525"},
    {{"::2525"}, "[192.0.2.1]", "[192.0.2.1]:2525"},
    // which line decides
    {{":relay.test"}, "example.org", "host:relay.test:25"},
    {{"example.org:relay.test"}, "mail.example.org", "mail.example.org"},
    {{".example.org:relay.test"}, "mail.example.org", "host:relay.test:25"},
    {{".example.org:relay.test"}, "a.b.example.org", "host:relay.test:25"},
    {{".example.org:relay.test"}, "example.org", "example.org"},
    {{".example.org:relay.test"}, "badexample.org", "badexample.org"},
    {{".org:far.test", ".example.org:near.test"}, "a.example.org", "host:near.test:25"},
    {{".example.org:near.test", ".org:far.test"}, "a.example.org", "host:near.test:25"},
    {{":all.test", ".org:far.test"}, "example.org", "host:far.test:25"},
    {{":all.test", ".org:far.test", "example.org:own.test"}, "example.org", "host:own.test:25"},
    {{"example.org:first.test", "EXAMPLE.org:last.test"}, "example.org", "host:last.test:25"},
    // address literals
    {{":relay.test"}, "[192.0.2.1]", "host:relay.test:25"},
    {{"[192.0.2.1]:relay.test"}, "[192.0.2.1]", "host:relay.test:25"},
    {{"[IPv6:2001:DB8::1]:relay.test:26"}, "[IPv6:2001:db8::1]", "host:relay.test:26"},
    {{".2.1:relay.test"}, "[192.0.2.1]", "[192.0.2.1]:25"},
};

TEST(Routes, NextHopOfADomain) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(::testing::PrintToString(c.lines) + " " + std::string(c.domain));
    const Result<Routes> routes = Routes::parse(c.lines);
    ASSERT_TRUE(routes) << routes.error().detail;
    EXPECT_EQ(routes->next_hop(*Domain::parse_name_or_literal(c.domain)).str(), c.hop);
  }
}

const std::string_view kBad[] = {"example.org",
                                 "",
                                 "example.org:relay.test:",
                                 "example.org:relay.test:0",
                                 "example.org:relay.test:smtp",
                                 "example.org:relay test",
                                 "exa mple.org:relay.test",
                                 "..example.org:relay.test",
                                 ".:relay.test",
                                 "*.example.org:relay.test",
                                 "example.org:2001:db8::1",
                                 "example.org:[relay.test]:25",
                                 ".1]:relay.test",
                                 "example.org:lmtp:relay.test:",
                                 "[192.0.2.1:relay.test",
                                 "example.org:relay.test joe",
                                 "example.org:relay.test joe pw more",
                                 "example.org:relay.test joe ../pw",
                                 "example.org:relay.test joe .pw",
                                 "example.org:relay.test joe /etc/pw",
                                 "example.org: joe pw",
                                 "example.org::587 joe pw",
                                 "example.org:lmtp:relay.test:24 joe pw",
                                 "[::1]:relay.test"};

TEST(Routes, ABadLineIsQuoted) {
  for (const std::string_view line : kBad) {
    const Result<Routes> routes = Routes::parse({"good.test:relay.test", std::string(line)});
    ASSERT_FALSE(routes) << line;
    EXPECT_EQ(routes.error().failure, Failure::permanent);
    EXPECT_THAT(routes.error().detail, HasSubstr("smtproutes: line \"" + std::string(line) + "\""));
  }
}

TEST(Routes, DeepNamesAreWalkedOnce) {
  std::string deep;
  for (int i = 0; i < 120; ++i) deep += "a.";
  const Result<Routes> routes = Routes::parse({".test:relay.test"});
  ASSERT_TRUE(routes);
  EXPECT_EQ(routes->next_hop(*Domain::parse(deep + "test")).str(), "host:relay.test:25");
}

TEST(Routes, PasswordFileOfALogin) {
  const Result<Routes> routes =
      Routes::parse({":relay.test:587 joe one", "b.test:relay.test:587 ann two",
                     "c.test:relay.test:587 joe one", "d.test:relay.test:587"});
  ASSERT_TRUE(routes) << routes.error().detail;
  const auto file_for = [&](std::string_view domain) -> std::string {
    const std::string* file = routes->password_file(routes->next_hop(*Domain::parse(domain)));
    return file == nullptr ? "none" : *file;
  };
  EXPECT_EQ(file_for("a.test"), "one");
  EXPECT_EQ(file_for("b.test"), "two");
  EXPECT_EQ(file_for("c.test"), "one");
  EXPECT_EQ(file_for("d.test"), "none");
}

TEST(Routes, OneLoginHasOnePasswordFile) {
  const Result<Routes> routes = Routes::parse({":relay.test joe one", "b.test:relay.test joe two"});
  ASSERT_FALSE(routes);
  EXPECT_THAT(routes.error().detail, HasSubstr("b.test:relay.test joe two"));
}

}  // namespace
}  // namespace toast::remote
