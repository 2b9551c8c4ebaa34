#include "mta/message/domain.h"

#include <gtest/gtest.h>

namespace toast {
namespace {

struct DomainCase {
  std::string_view input, canonical;
};

const DomainCase kGoodDomains[] = {
    {"example.org", "example.org"},
    {"EXAMPLE.Org", "example.org"},  // case is folded
    {"localhost", "localhost"},
    {"a-b.c--d.example", "a-b.c--d.example"},
    {"xn--mnchen-3ya.example", "xn--mnchen-3ya.example"},
    {"1.2.3.4", "1.2.3.4"},  // digits are letters to the grammar
};
const DomainCase kGoodLiterals[] = {
    {"[192.0.2.1]", "[192.0.2.1]"},
    {"[IPv6:2001:DB8:0:0::1]", "[IPv6:2001:db8::1]"},  // RFC 5952 form
    {"[ipv6:::1]", "[IPv6:::1]"},
    {"[IPv6:::ffff:192.0.2.1]", "[IPv6:::ffff:192.0.2.1]"},
};
const std::string_view kBadDomains[] = {
    "",
    ".",
    "a..b",
    ".a",
    "a.",  // a trailing dot is DNS master-file syntax, not SMTP
    "-a.example",
    "a-.example",
    "a_b.example",
    "a b",
    std::string_view("a\0b", 3),
    "a\r\nb",
    "a/b",
    "m\xc3\xbcnchen.example",
    "[192.0.2.1]",  // a literal is no name
};
const std::string_view kBadLiterals[] = {
    "[]",
    "[192.0.2]",
    "[192.0.2.256]",
    "[192.0.2.01]",
    "[2001:db8::1]",
    "[IPv6:192.0.2.1]",
    "[IPv6:::1",
    "[IPv6:fe80::1%2]",
    "[x:y]",
    "[ 192.0.2.1]",
    std::string_view("[192.0.2.1\0]", 12),
    "[192.0.2.1]x",
};

TEST(Domain, Good) {
  for (const DomainCase& c : kGoodDomains) {
    SCOPED_TRACE(c.input);
    const auto got = Domain::parse(c.input);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->str(), c.canonical);
    EXPECT_FALSE(got->is_literal());
  }
}

TEST(Domain, GoodLiterals) {
  for (const DomainCase& c : kGoodLiterals) {
    SCOPED_TRACE(c.input);
    const auto got = Domain::parse_name_or_literal(c.input);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->str(), c.canonical);
    EXPECT_TRUE(got->is_literal());
  }
}

TEST(Domain, BadIsPermanentAndSaysWhy) {
  for (std::string_view text : kBadDomains) {
    SCOPED_TRACE(text);
    const auto got = Domain::parse(text);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().failure, Failure::permanent);
    EXPECT_EQ(got.error().reply.substr(0, 2), "5.");
  }
}

TEST(Domain, BadLiterals) {
  for (std::string_view text : kBadLiterals)
    EXPECT_FALSE(Domain::parse_name_or_literal(text)) << text;
}

TEST(Domain, Lengths) {
  const std::string label(63, 'a');
  EXPECT_TRUE(Domain::parse(label + ".example"));
  EXPECT_FALSE(Domain::parse(label + "a.example"));
  const std::string longest = label + "." + label + "." + label + "." + label;  // 255
  EXPECT_TRUE(Domain::parse(longest));
  EXPECT_FALSE(Domain::parse(longest + ".a"));
}

}  // namespace
}  // namespace toast
