#include "mta/smtp/line_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace toast::smtp {
namespace {

using Events = std::vector<std::string>;

Events read_lines(std::string_view text, std::size_t block) {
  Events events;
  LineReader reader;
  for (std::size_t at = 0; at < text.size(); at += block) {
    std::string_view input = text.substr(at, block);
    for (LineEvent event = reader.next(input); event != LineEvent::need_more;
         event = reader.next(input)) {
      switch (event) {
        case LineEvent::line:
          events.push_back("line " + std::string(reader.line()));
          break;
        case LineEvent::too_long:
          events.emplace_back("too long");
          break;
        case LineEvent::auth_too_long:
          events.emplace_back("auth too long");
          break;
        case LineEvent::bare_newline:
          events.emplace_back("bare");
          break;
        case LineEvent::bad_byte:
          events.emplace_back("bad byte");
          break;
        case LineEvent::need_more:
          break;
      }
    }
    EXPECT_TRUE(input.empty());
  }
  return events;
}

struct LineCase {
  std::string text;
  Events events;
};

TEST(LineReader, SameEventsWhereverBlocksEnd) {
  const std::string longest(kMaxCommandLine - 2, 'x');
  const std::string megabyte(1 << 20, 'x');
  const LineCase cases[] = {
      {"NOOP\r\nQUIT\r\n", {"line NOOP", "line QUIT"}},
      // AUTH with its initial response may be longer than other lines
      {"auth " + std::string(kMaxAuthLine - 7, 'x') + "\r\nQUIT\r\n",
       {"line auth " + std::string(kMaxAuthLine - 7, 'x'), "line QUIT"}},
      {"AUTH " + std::string(kMaxAuthLine - 6, 'x') + "\r\nQUIT\r\n",
       {"auth too long", "line QUIT"}},
      {"AUTH " + megabyte + "\r\nQUIT\r\n", {"auth too long", "line QUIT"}},
      {"AUTHX" + std::string(kMaxAuthLine - 7, 'x') + "\r\nQUIT\r\n", {"too long", "line QUIT"}},
      {"\r\n\r\n", {"line ", "line "}},
      {"NOOP", {}},
      {"NOOP\r", {}},
      // only CRLF ends a line; what is bad is answered once and never split
      {"NOOP\nRSET\r\nQUIT\r\n", {"bare", "line QUIT"}},
      {"NOOP\nRSET\nVRFY\r\nQUIT\r\n", {"bare", "line QUIT"}},
      {"NO\rOP\r\nQUIT\r\n", {"bare", "line QUIT"}},
      {"NOOP\r\r\nQUIT\r\n", {"bare", "line QUIT"}},
      {"\n\r\nQUIT\r\n", {"bare", "line QUIT"}},
      {std::string("NO\0OP\r\nQUIT\r\n", 13), {"bad byte", "line QUIT"}},
      // lengths
      {longest + "\r\nQUIT\r\n", {"line " + longest, "line QUIT"}},
      {longest + "x\r\nQUIT\r\n", {"too long", "line QUIT"}},
      {longest + "xxxxxx\nRSET\r\nQUIT\r\n", {"too long", "line QUIT"}},
      {megabyte + "\r\nQUIT\r\n", {"too long", "line QUIT"}},
      {megabyte, {}},
  };
  for (const LineCase& c : cases) {
    SCOPED_TRACE(c.text.substr(0, 60));
    EXPECT_EQ(read_lines(c.text, c.text.size()), c.events);
    const bool small = c.text.size() < 2000;
    for (std::size_t block = 1; block < (small ? c.text.size() : 3); ++block)
      EXPECT_EQ(read_lines(c.text, block), c.events) << "blocks of " << block;
    EXPECT_EQ(read_lines(c.text, 4096), c.events);
  }
}

// A SASL response has no verb to be known by.
TEST(LineReader, ResponsesMayBeLong) {
  LineReader reader;
  const std::string longest(kMaxAuthLine - 2, 'x');
  const std::string text = longest + "\r\n" + longest + "\r\n";
  std::string_view input = text;
  reader.expect_response(true);
  ASSERT_EQ(reader.next(input), LineEvent::line);
  EXPECT_EQ(reader.line(), longest);
  reader.expect_response(false);
  EXPECT_EQ(reader.next(input), LineEvent::too_long);
}

// Where nobody can log in AUTH is a command like others.
TEST(LineReader, AuthIsLongOnlyWhereItIsAllowed) {
  const std::string line = "AUTH PLAIN " + std::string(kMaxCommandLine, 'x') + "\r\n";
  for (const bool allowed : {true, false}) {
    LineReader reader;
    reader.allow_auth(allowed);
    std::string_view input = line;
    EXPECT_EQ(reader.next(input), allowed ? LineEvent::line : LineEvent::too_long);
  }
}

// A password that came in two blocks is kept here, and wiped when it has been read.
TEST(LineReader, ForgetsALine) {
  LineReader reader;
  std::string_view input = "AUTH PLAIN c2Vjc";
  EXPECT_EQ(reader.next(input), LineEvent::need_more);
  input = "mV0\r\nNOOP\r\n";
  ASSERT_EQ(reader.next(input), LineEvent::line);
  const std::string_view line = reader.line();
  EXPECT_EQ(line, "AUTH PLAIN c2VjcmV0");
  const char* const at = line.data();
  reader.forget_line();
  EXPECT_EQ(std::string(at, 4), std::string(4, '\0'));  // the buffer is still the reader's
  ASSERT_EQ(reader.next(input), LineEvent::line);
  EXPECT_EQ(reader.line(), "NOOP");
}

}  // namespace
}  // namespace toast::smtp
