#include "mta/smtp/dsn.h"

#include <gtest/gtest.h>

namespace toast::smtp {
namespace {

TEST(Dsn, Notify) {
  struct Case {
    std::string_view text;
    std::optional<std::uint8_t> bits;
  };
  const Case cases[] = {
      {"NEVER", kNotifyNever},
      {"never", kNotifyNever},
      {"SUCCESS", kNotifySuccess},
      {"DELAY,SUCCESS,FAILURE", std::uint8_t{kNotifySuccess | kNotifyFailure | kNotifyDelay}},
      // refused
      {"", std::nullopt},
      {"NEVER,NEVER", std::nullopt},
      {"NEVER,DELAY", std::nullopt},
      {"SUCCESS,NEVER", std::nullopt},
      {"SUCCESS,SUCCESS", std::nullopt},
      {"SUCCESS,", std::nullopt},
      {",SUCCESS", std::nullopt},
      {"SUCCESS;DELAY", std::nullopt},
      {"ALWAYS", std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(parse_notify(c.text), c.bits) << c.text;
}

TEST(Dsn, Xtext) {
  struct Case {
    std::string_view text;
    std::optional<std::string> decoded;
  };
  const Case cases[] = {
      {"", ""},
      {"abc", "abc"},
      {"a+2Bb+3Dc+20d", "a+b=c d"},
      // refused
      {"a b", std::nullopt},
      {"a=b", std::nullopt},
      {"a+", std::nullopt},
      {"a+2", std::nullopt},
      {"a+2b", std::nullopt},  // upper case only
      {"a+2G", std::nullopt},
      {"a\x7f", std::nullopt},
      {"a\xc3\xa4", std::nullopt},
      // what no header may get from a client
      {"a+0Ab", std::nullopt},
      {"a+0D", std::nullopt},
      {"a+00", std::nullopt},
      {"a+FF", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(decode_xtext(c.text), c.decoded) << c.text;
    if (c.decoded) EXPECT_EQ(decode_xtext(encode_xtext(*c.decoded)), c.decoded);
  }
  EXPECT_EQ(encode_xtext("a+b=c d\n\xff"), "a+2Bb+3Dc+20d+0A+FF");
}

TEST(Dsn, Orcpt) {
  for (const std::string_view good : {"rfc822;ann@example.org", "utf-8;x", "X-local;a+20b"})
    EXPECT_TRUE(is_orcpt(good)) << good;
  for (const std::string_view bad : {"", "rfc822", ";ann", "rfc822;", "rfc 822;ann", "rfc822;a=b",
                                     "rfc822;a b", "rfc822;a+0A", "<x>;ann"})
    EXPECT_FALSE(is_orcpt(bad)) << bad;
  const std::string type = "rfc822;";
  EXPECT_TRUE(is_orcpt(type + std::string(kMaxOrcpt - type.size(), 'a')));
  EXPECT_FALSE(is_orcpt(type + std::string(kMaxOrcpt - type.size() + 1, 'a')));
}

}  // namespace
}  // namespace toast::smtp
