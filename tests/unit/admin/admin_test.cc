// The pure parts of toastctl; the command as a whole is tested in tests/interop/toastctl.
#include <gtest/gtest.h>

#include "admin-cli/arguments.h"
#include "admin-cli/output.h"
#include "admin-cli/record.h"
#include "admin-cli/suggestion.h"

namespace toast::admin {
namespace {

TEST(Sizes, Good) {
  struct Case {
    const char* text;
    std::uint64_t bytes;
  };
  const Case cases[] = {
      {"1", 1},
      {"500000", 500000},
      {"10k", 10240},
      {"10K", 10240},
      {"500M", 500 << 20},
      {"1G", 1ULL << 30},
      {"1GiB", 1ULL << 30},
      {"1gb", 1ULL << 30},
      {"1.5G", 3ULL << 29},
      {"0.5M", 1 << 19},
      {"2T", 2ULL << 40},
      {"unlimited", 0},
      {"Unlimited", 0},
      {"1048576B", 1 << 20},
  };
  for (const Case& c : cases) {
    const Wanted<std::uint64_t> bytes = parse_size(c.text, "--quota");
    ASSERT_TRUE(bytes) << c.text;
    EXPECT_EQ(*bytes, c.bytes) << c.text;
  }
}

// Never a guess: 10 bytes for "10X" is how quotas were lost elsewhere.
TEST(Sizes, Bad) {
  for (const char* text : {"", "G", "10X", "10 G", "-1", "+1", "1e9", "0x10", "1.5", "1..5G", ".5G",
                           "5.G", "0", "0G", "1GG", "99999999999999999999G", "9999999T", "nan"}) {
    const Wanted<std::uint64_t> bytes = parse_size(text, "--quota");
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().exit, Exit::invalid);
    EXPECT_NE(bytes.error().hint, "") << text;
  }
}

TEST(Switches, Words) {
  for (const char* on : {"on", "ON", "yes", "true", "1"}) EXPECT_EQ(parse_switch(on, "--x"), true);
  for (const char* off : {"off", "no", "False", "0"}) EXPECT_EQ(parse_switch(off, "--x"), false);
  for (const char* bad : {"", "2", "of", "onn"}) EXPECT_FALSE(parse_switch(bad, "--x").has_value());
}

TEST(Suggestions, OnlyWhatIsNear) {
  const std::vector<std::string> verbs{"add", "list", "show", "set", "delete", "passwd"};
  struct Case {
    const char *typed, *meant;
  };
  const Case cases[] = {
      {"ad", "add"},     {"lst", "list"},  {"lsit", "list"},       {"delte", "delete"},
      {"del", "delete"}, {"shwo", "show"}, {"password", "passwd"}, {"frobnicate", ""},
      {"xyz", ""},       {"", ""}};
  for (const Case& c : cases) EXPECT_EQ(nearest_word(c.typed, verbs), c.meant) << c.typed;
  EXPECT_EQ(nearest_word(std::string(100'000, 'a'), verbs), "");
}

TEST(Json, Strings) {
  struct Case {
    std::string_view text, json;
  };
  const Case cases[] = {
      {"plain", "\"plain\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"tab\tnew\nline", "\"tab\\u0009new\\nline\""},
      {"\x7f", "\"\\u007f\""},
      {"J\xc3\xbcrgen", "\"J\xc3\xbcrgen\""},
      {"\xf0\x9f\x8d\x9e", "\"\xf0\x9f\x8d\x9e\""},
      // what is no UTF-8: alone, cut, overlong, a surrogate, beyond the last code point
      {"\xff", "\"\xef\xbf\xbd\""},
      {"a\xc3", "\"a\xef\xbf\xbd\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const Case& c : cases) EXPECT_EQ(json_string(c.text), c.json);
}

TEST(Json, Records) {
  const Record record{{"name", "x"},
                      {"none", Value()},
                      {"truth", true},
                      {"number", std::uint64_t{18446744073709551615ULL}},
                      {"empty", std::vector<Value>{}},
                      {"inner", Record{{"list", std::vector<Value>{1, "two"}}}}};
  std::string json;
  record.write_json(json, 0);
  EXPECT_EQ(json,
            "{\n  \"name\": \"x\",\n  \"none\": null,\n  \"truth\": true,\n"
            "  \"number\": 18446744073709551615,\n  \"empty\": [],\n  \"inner\": {\n"
            "    \"list\": [\n      1,\n      \"two\"\n    ]\n  }\n}");
}

TEST(Times, AreIso8601InUtc) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(iso_time(1'800'000'000), "2027-01-15T08:00:00Z");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59Z");
}

TEST(Terminals, GetNoControlBytes) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n"), "a\\x1b[2Jb\\x0d\\x0a");
  EXPECT_EQ(printable("J\xc3\xbcrgen"), "J\xc3\xbcrgen");
}

}  // namespace
}  // namespace toast::admin
