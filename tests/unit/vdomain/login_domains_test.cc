#include "vdomain/login_domains.h"

#include <gtest/gtest.h>

namespace toast::vdomain {
namespace {

Result<LoginDomains> parse(const std::vector<std::string>& lines) {
  return LoginDomains::parse(Domain::parse("all.test").value(), lines);
}

TEST(LoginDomains, ByTheAddressThatWasConnectedTo) {
  const LoginDomains domains =
      parse({"192.0.2.1:a.test", "[2001:db8::1]:b.test", "[::ffff:192.0.2.2]:C.test"}).value();
  const struct {
    std::string_view local, domain;
  } kCases[] = {
      {"192.0.2.1", "a.test"},  {"2001:db8::1", "b.test"},      {"2001:db8:0:0::1", "b.test"},
      {"192.0.2.2", "c.test"},  {"::ffff:192.0.2.1", "a.test"}, {"192.0.2.3", "all.test"},
      {"", "all.test"},  // a program that does not say
      {"nonsense", "all.test"},
  };
  for (const auto& c : kCases) EXPECT_EQ(domains.of(c.local).str(), c.domain) << c.local;
}

TEST(LoginDomains, LinesThatAreNone) {
  for (const std::string bad :
       {"192.0.2.1", "192.0.2.1:", ":a.test", "a.test:192.0.2.1", "2001:db8::1:b.test",
        "[2001:db8::1]", "[2001:db8::1]b.test", "192.0.2.1:a b", "192.0.2.1:[192.0.2.9]"})
    EXPECT_FALSE(parse({bad})) << bad;
  const auto twice = parse({"192.0.2.1:a.test", "192.0.2.1:b.test"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().detail, "\"192.0.2.1:b.test\": this address stands in another line, too");
}

}  // namespace
}  // namespace toast::vdomain
