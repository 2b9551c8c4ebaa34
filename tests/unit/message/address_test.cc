#include "mta/message/address.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace toast {
namespace {

struct Case {
  std::string_view input, local, domain, printed;
};

const Case kGood[] = {
    {"ann@example.org", "ann", "example.org", "ann@example.org"},
    // the local part keeps its case, the domain does not
    {"Ann@EXAMPLE.org", "Ann", "example.org", "Ann@example.org"},
    {"a.b.c@example.org", "a.b.c", "example.org", "a.b.c@example.org"},
    // characters that shells, paths, SQL and old routing know are ordinary here
    {"a%b!c@example.org", "a%b!c", "example.org", "a%b!c@example.org"},
    {"o'neil|;$`{}/../x@example.org", "", "", ""},
    {"o'neil|$`{}/x@example.org", "o'neil|$`{}/x", "example.org", "o'neil|$`{}/x@example.org"},
    {"-rf@example.org", "-rf", "example.org", "-rf@example.org"},
    // quoted-string, RFC 5321 section 4.1.2: printed without needless quotes
    {"\"a b\"@example.org", "a b", "example.org", "\"a b\"@example.org"},
    {"\"a\"@example.org", "a", "example.org", "a@example.org"},
    {"\"\\a\\n\\n\"@example.org", "ann", "example.org", "ann@example.org"},
    {"\"a@b\"@example.org", "a@b", "example.org", "\"a@b\"@example.org"},
    {"\"a\\\"b\\\\c\"@example.org", "a\"b\\c", "example.org", "\"a\\\"b\\\\c\"@example.org"},
    {"\"a..b\"@example.org", "a..b", "example.org", "\"a..b\"@example.org"},
    {"\"a.b\"@example.org", "a.b", "example.org", "a.b@example.org"},
    {"\"<>\"@example.org", "<>", "example.org", "\"<>\"@example.org"},
    {"\"\"@example.org", "", "example.org", "\"\"@example.org"},  // legal by the grammar
    // address literals
    {"ann@[192.0.2.1]", "ann", "[192.0.2.1]", "ann@[192.0.2.1]"},
    {"ann@[IPv6:2001:DB8::1]", "ann", "[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]"},
};

const std::string_view kBad[] = {
    "",
    "@",
    "ann",
    "ann@",
    "@example.org",
    "ann@@example.org",
    "ann@example.org@example.org",
    // dots
    ".ann@example.org",
    "ann.@example.org",
    "a..b@example.org",
    "ann@example.org.",
    // characters outside atext
    "a b@example.org",
    "a,b@example.org",
    "a(c)@example.org",
    "a:b@example.org",
    "a\\b@example.org",
    "<ann@example.org>",
    "ann@exa mple.org",
    " ann@example.org",
    "ann@example.org ",
    // quotes
    "\"ann@example.org",
    "\"ann\"",
    "\"ann\\\"@example.org",
    "\"ann\"x@example.org",
    "x\"ann\"@example.org",
    "\"a\".b@example.org",
    "\"a\\",
    // control characters, also behind a backslash
    std::string_view("a\0b@example.org", 15),
    "\"a\tb\"@example.org",
    "\"a\\\tb\"@example.org",
    "\"a\x7f\"@example.org",
    "a\x7f@example.org",
    "a@b\r\nRCPT TO:<x@y>",  // a smuggled command
    "\"a\r\n\"@example.org",
    // literals
    "ann@[2001:db8::1]",
    "ann@[192.0.2.1",
    "ann@192.0.2.1]",
    // bytes outside ASCII
    "j\xc3\xb6rg@example.org",
    "\"j\xc3\xb6rg\"@example.org",
    "ann@ex\xc3\xa4mple.org",
};

TEST(AddressParse, Good) {
  for (const Case& c : kGood) {
    SCOPED_TRACE(c.input);
    const auto got = Address::parse(c.input);
    if (c.printed.empty()) {  // ";" is not atext, ".." needs quotes
      EXPECT_FALSE(got);
      continue;
    }
    ASSERT_TRUE(got);
    EXPECT_EQ(got->local_part(), c.local);
    EXPECT_EQ(got->domain().str(), c.domain);
    EXPECT_EQ(got->str(), c.printed);
    const auto again = Address::parse(got->str());
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *got);
  }
}

TEST(AddressParse, BadIsPermanentAndSaysWhy) {
  for (std::string_view text : kBad) {
    SCOPED_TRACE(text);
    const auto got = Address::parse(text);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().failure, Failure::permanent);
    EXPECT_EQ(got.error().reply.substr(0, 2), "5.");
    EXPECT_EQ(got.error().reply.find_first_of("\r\n"), std::string::npos);
  }
}

TEST(AddressParse, NonAsciiHasItsOwnStatus) {
  EXPECT_EQ(Address::parse("j\xc3\xb6rg@example.org").error().reply.substr(0, 5), "5.6.7");
  EXPECT_EQ(Address::parse("ann@\xc3\xb6.example").error().reply.substr(0, 5), "5.6.7");
}

TEST(AddressParse, Lengths) {
  // Longer local parts than 64 are everyday senders (VERP, SRS, BATV): the path alone is the bound.
  const std::string label(63, 'd');
  const std::string domain189 = label + "." + label + "." + std::string(61, 'd');
  const std::string local64(64, 'a');
  EXPECT_TRUE(Address::parse(local64 + "@" + domain189));         // 254
  EXPECT_FALSE(Address::parse(local64 + "@" + domain189 + "d"));  // 255
  EXPECT_TRUE(Address::parse(std::string(242, 'a') + "@example.org"));
  EXPECT_FALSE(Address::parse(std::string(243, 'a') + "@example.org"));
  // quotes count as they are written
  EXPECT_TRUE(Address::parse("\"" + std::string(240, ' ') + "\"@example.org"));
  EXPECT_FALSE(Address::parse("\"" + std::string(241, ' ') + "\"@example.org"));
}

TEST(AddressParts, AgreeWithParse) {
  const Domain domain = *Domain::parse("example.org");
  EXPECT_EQ(Address::from_parts("a b", domain)->str(), "\"a b\"@example.org");
  EXPECT_EQ(*Address::from_parts("ann", domain), *Address::parse("ann@example.org"));
  EXPECT_FALSE(Address::from_parts("a\nb", domain));
  EXPECT_FALSE(Address::from_parts(std::string_view("a\0b", 3), domain));
  EXPECT_FALSE(Address::from_parts("j\xc3\xb6rg", domain));
  EXPECT_FALSE(Address::from_parts(std::string(243, 'a'), domain));
  EXPECT_FALSE(Address::from_parts(std::string(241, ' '), domain));  // 255 with its quotes
}

TEST(Address, HashAndEquality) {
  const std::unordered_set<Address> seen{*Address::parse("ann@example.org")};
  EXPECT_TRUE(seen.contains(*Address::parse("\"ann\"@EXAMPLE.org")));
  EXPECT_FALSE(seen.contains(*Address::parse("Ann@example.org")));
}

TEST(ReversePath, Text) {
  EXPECT_EQ(path_text(std::nullopt), "");
  EXPECT_EQ(path_text(*Address::parse("a@b")), "a@b");
}

}  // namespace
}  // namespace toast
