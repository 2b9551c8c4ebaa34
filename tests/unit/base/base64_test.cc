#include "base/base64.h"

#include <gtest/gtest.h>

namespace toast {
namespace {

using namespace std::string_literals;

TEST(Base64, TheVectorsOfTheStandard) {  // RFC 4648 section 10
  const struct {
    std::string bytes, text;
  } kCases[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\0ann\0secret"s, "AGFubgBzZWNyZXQ="},
      {"\xfb\xff\xfe", "+//+"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(base64_encode(c.bytes), c.text);
    EXPECT_EQ(base64_size(c.bytes.size()), c.text.size());
    const std::optional<Secret> decoded = base64_decode(c.text);
    ASSERT_TRUE(decoded) << c.text;
    EXPECT_TRUE(decoded->equals(c.bytes)) << c.text;
  }
}

TEST(Base64, OneTextHasOneSpelling) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9", "Zm9v=", "Zm9v ", " Zm9v",
                           "Zm\n9v", "Zm9v\r", "Zm9-", "Zm9_", "=", "====", "Zg==Zg==", "Z=g="})
    EXPECT_FALSE(base64_decode(text)) << text;
  EXPECT_FALSE(base64_decode("Zm9v\0"s));
}

}  // namespace
}  // namespace toast
