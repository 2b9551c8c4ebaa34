#include "pop3d/line_reader.h"

#include <gtest/gtest.h>

namespace toast::pop3 {
namespace {

std::vector<std::string> lines_of(LineReader& reader) {
  std::vector<std::string> lines;
  while (std::optional<Line> line = reader.next())
    lines.push_back(line->too_long ? "<too long>" : line->text);
  return lines;
}

struct LineCase {
  std::string input;
  std::vector<std::string> lines;
};

TEST(LineReader, CutsLines) {
  const LineCase cases[] = {
      {"NOOP\r\n", {"NOOP"}},
      {"NOOP\n", {"NOOP"}},                      // people with nc
      {"STAT\r\nLIST\r\nUI", {"STAT", "LIST"}},  // a batch and a beginning
      {"\r\n\n", {"", ""}},
      {"a\rb\r\n", {"a\rb"}},  // a CR alone ends nothing
      {std::string("a\0b\r\n", 5), {std::string("a\0b", 3)}},
      // the limit counts the line end (RFC 2449 section 4)
      {std::string(253, 'x') + "\r\nNOOP\r\n", {std::string(253, 'x'), "NOOP"}},
      {std::string(254, 'x') + "\r\nNOOP\r\n", {"<too long>", "NOOP"}},
      {std::string(254, 'x') + "\nNOOP\r\n", {std::string(254, 'x'), "NOOP"}},
      {std::string(1 << 20, 'x') + "\r\nNOOP\r\n", {"<too long>", "NOOP"}},
      // a password may be as long as authd lets it be, and nothing else
      {"pasS " + std::string(1024, 'x') + "\r\nNOOP\r\n",
       {"pasS " + std::string(1024, 'x'), "NOOP"}},
      {"PASS " + std::string(1025, 'x') + "\r\nNOOP\r\n", {"<too long>", "NOOP"}},
      {"PASS" + std::string(300, 'x') + "\r\nNOOP\r\n", {"<too long>", "NOOP"}},
      {"USER PASS " + std::string(300, 'x') + "\r\nNOOP\r\n", {"<too long>", "NOOP"}},
  };
  for (const LineCase& c : cases) {
    LineReader whole;
    whole.feed(c.input);
    EXPECT_EQ(lines_of(whole), c.lines) << c.input.substr(0, 40);
    LineReader bytewise;
    std::vector<std::string> lines;
    for (const char byte : c.input) {
      bytewise.feed({&byte, 1});
      for (std::string& line : lines_of(bytewise)) lines.push_back(std::move(line));
    }
    EXPECT_EQ(lines, c.lines) << "byte by byte: " << c.input.substr(0, 40);
  }
}

TEST(LineReader, AnEndlessLineCostsNoMemoryAndOneReport) {
  LineReader reader;
  const std::string block(4096, 'x');
  for (int i = 0; i < 1000; ++i) {
    reader.feed(block);
    EXPECT_FALSE(reader.next());
    EXPECT_LE(reader.held_bytes(), 64U);
  }
  reader.feed("\r\nNOOP\r\n");
  EXPECT_EQ(lines_of(reader), (std::vector<std::string>{"<too long>", "NOOP"}));
}

// A SASL response may be longer than a command; the line after it may not.
TEST(LineReader, OneLineMayBeAResponse) {
  LineReader reader;
  const std::string longest(kMaxResponseLine - 2, 'x');
  reader.expect_response();
  reader.feed(longest.substr(0, 1000));
  EXPECT_FALSE(reader.next());
  reader.feed(longest.substr(1000) + "\r\n" + std::string(300, 'y') + "\r\n");
  EXPECT_EQ(reader.next()->text, longest);
  EXPECT_TRUE(reader.next()->too_long);
  reader.expect_response();
  reader.feed(longest + "x\r\n");
  EXPECT_TRUE(reader.next()->too_long);
}

TEST(LineReader, AnIdleReaderHoldsNothing) {
  LineReader reader;
  const std::size_t none = reader.held_bytes();
  reader.feed("STAT\r\nLIST 1234567890123456789012345678901234567890\r\n");
  EXPECT_TRUE(reader.has_line());
  lines_of(reader);
  EXPECT_FALSE(reader.has_line());
  EXPECT_EQ(reader.held_bytes(), none);
}

// Found by fuzzing: the whole batch was kept for the sake of the line that was not finished yet.
TEST(LineReader, AnUnfinishedLineKeepsNoBatch) {
  LineReader reader;
  std::string batch;
  for (int i = 0; i < 1000; ++i) batch += "NOOP\r\n";
  reader.feed(batch + "US");
  EXPECT_EQ(lines_of(reader).size(), 1000U);
  EXPECT_LE(reader.held_bytes(), 64U);
  reader.feed("ER ann\r\n");
  EXPECT_EQ(lines_of(reader), std::vector<std::string>{"USER ann"});
}

TEST(LineReader, ClearDropsWhatWasPipelined) {
  LineReader reader;
  reader.feed("QUIT\r\nSTAT\r\n");
  ASSERT_TRUE(reader.next());
  reader.clear();
  EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace toast::pop3
