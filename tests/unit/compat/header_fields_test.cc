#include "mta/compat/header_fields.h"

#include <gtest/gtest.h>

namespace toast::compat {
namespace {

// "name|name / body", the message given in blocks.
std::string cut(std::string_view message, std::size_t block) {
  HeaderReader reader;
  LineEnds lines;
  std::string body;
  bool complete = false;
  const auto take = [&](const std::string& text) {
    if (complete) {
      body += text;
    } else if (reader.feed(text)) {
      complete = true;
      body = reader.take_body();
    }
  };
  for (std::size_t at = 0; at < message.size(); at += block)
    take(lines.feed(message.substr(at, block)));
  take(lines.finish());
  if (!complete) {
    reader.finish();
    body = reader.take_body();
  }
  std::string out;
  for (const InjectedField& field : reader.take_fields()) out += field.name + "|";
  return out + " / " + body;
}

TEST(HeaderFields, Cutting) {
  struct Case {
    std::string_view message, wanted;
  };
  const Case cases[] = {
      {"", " / "},
      {"\nbody\n", " / body\n"},
      {"To: a\nSubject: b\n c\n\nbody\n", "to|subject| / body\n"},
      {"To: a\r\nSubject: b\r\n\r\nbody\r\n", "to|subject| / body\n"},
      {"to : a\n\n", "to| / "},
      {"To: a", "to| / "},
      {"From bob Mon Nov 23\nTo: a\n\n", "mbox-line|to| / "},
      // a line that is no field ends the header, and is the body's
      {"To: a\nhello there\nTo: b\n", "to| / hello there\nTo: b\n"},
      {"hello\n", " / hello\n"},
      {": x\n", " / : x\n"},
      {"a b: x\n", " / a b: x\n"},
      {"T\xc3\xb6: x\n", " / T\xc3\xb6: x\n"},
      {" folded\n", " /  folded\n"},
      // a CR alone is a byte
      {"To: a\n\nx\ry\r", "to| / x\ry\r"},
  };
  for (const Case& c : cases)
    for (const std::size_t block : {std::size_t{1}, std::size_t{3}, c.message.size() + 1})
      EXPECT_EQ(cut(c.message, block), c.wanted) << c.message;
}

TEST(HeaderFields, AnEndlessHeaderIsNoticed) {
  HeaderReader reader;
  EXPECT_FALSE(reader.feed("X: " + std::string(kMaxHeader, 'x')));
  EXPECT_TRUE(reader.is_too_long());
}

}  // namespace
}  // namespace toast::compat
