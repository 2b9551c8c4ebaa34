#include "mta/smtp/data_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace toast::smtp {
namespace {

struct Outcome {
  bool ended = false;
  bool bare = false;
  bool too_large = false;
  std::string content;
  std::string rest;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::string_view text, std::size_t block, std::uint64_t max_bytes = 0,
             BareNewline policy = BareNewline::refuse) {
  Outcome outcome;
  DataReader reader(max_bytes, policy);
  std::size_t at = 0;
  while (at < text.size() && !outcome.ended) {
    const std::string_view given = text.substr(at, block);
    std::string_view input = given;
    outcome.ended = reader.feed(input, outcome.content);
    at += given.size() - input.size();
  }
  outcome.rest = text.substr(at);
  outcome.bare = reader.bare_newline();
  outcome.too_large = reader.too_large();
  return outcome;
}

struct Case {
  std::string_view wire;
  std::string_view content;
  std::string_view rest;
};

TEST(DataReader, Content) {
  const Case cases[] = {
      {"hello\r\n.\r\n", "hello\n", ""},
      {".\r\n", "", ""},                            // a message of zero bytes
      {"..\r\n.\r\n", ".\n", ""},                   // of one dot line only
      {"Subject: x\r\n.\r\n", "Subject: x\n", ""},  // of headers only
      {"\r\n.\r\n", "\n", ""},
      {"a\r\n..b\r\n...c\r\n.\r\n", "a\n.b\n..c\n", ""},
      {".a\r\n.\r\n", "a\n", ""},  // a client that does not stuff dots
      {"a.\r\n.\r\n", "a.\n", ""},
      {"a\r\n.\r\nQUIT\r\n", "a\n", "QUIT\r\n"},  // what follows is commands
      {"a\r\n..\r\n.\r\n", "a\n.\n", ""},
      {"\xff\xfe\r\n.\r\n", "\xff\xfe\n", ""},
      {std::string_view("a\0b\r\n.\r\n", 8), std::string_view("a\0b\n", 4), ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.wire);
    for (std::size_t block = 1; block <= c.wire.size(); ++block) {
      const Outcome got = read(c.wire, block);
      EXPECT_TRUE(got.ended);
      EXPECT_FALSE(got.bare);
      EXPECT_EQ(got.content, c.content);
      EXPECT_EQ(got.rest, c.rest);
    }
  }
}

// What other servers have taken for the end of a message (CVE-2023-51764, 51765, 51766). Here each
// is content: the message goes on to the real end and is refused there.
TEST(DataReader, SmugglingTable) {
  const std::string_view ends[] = {
      "\n.\n",
      "\n.\r\n",
      "\r\n.\n",
      "\r.\r",
      "\r.\r\n",
      "\r\n.\r",
      "\n.\r",
      "\r.\n",
      "\r\r\n.\r\r\n",
      "\r\n.\r\r\n",
      "\n\r.\r\n",
      "\r\n\r.\r\n",
      "\n\n.\r\n",
      std::string_view("\r\n\0.\r\n\n", 7),
      std::string_view("\r\n.\0\r\n\n", 7),
  };
  for (std::string_view end : ends) {
    SCOPED_TRACE(end);
    const std::string wire =
        "first" + std::string(end) + "MAIL FROM:<smuggled@example.org>\r\n.\r\nQUIT\r\n";
    for (std::size_t block = 1; block <= wire.size(); ++block) {
      const Outcome got = read(wire, block);
      EXPECT_TRUE(got.ended);
      EXPECT_TRUE(got.bare);
      EXPECT_EQ(got.rest, "QUIT\r\n");
      const Outcome mended = read(wire, block, 0, BareNewline::normalise);
      EXPECT_TRUE(mended.ended);
      EXPECT_FALSE(mended.bare);
      EXPECT_EQ(mended.rest, "QUIT\r\n");
      EXPECT_NE(mended.content.find("smuggled"), std::string::npos);
    }
  }
  // NUL does not end anything either, and is no newline
  const Outcome nul = read(std::string_view("a\r\n\0.\r\nb\r\n.\r\n", 14), 3);
  EXPECT_TRUE(nul.ended);
  EXPECT_FALSE(nul.bare);
  EXPECT_EQ(nul.content, std::string_view("a\n\0.\nb\n", 7));
}

TEST(DataReader, NormaliseMakesLineEnds) {
  const Case cases[] = {
      {"a\nb\r\n.\r\n", "a\nb\n", ""},
      {"a\rb\r\n.\r\n", "a\nb\n", ""},
      {"a\r\r\n.\r\n", "a\n\n", ""},
      {"a\n.\r\n.\r\n", "a\n.\n", ""},      // a dot behind it is content
      {"a\n..b\r\n.\r\n", "a\n..b\n", ""},  // and is not unstuffed
      {".\rb\r\n.\r\n", "\nb\n", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.wire);
    for (std::size_t block = 1; block <= c.wire.size(); ++block) {
      const Outcome got = read(c.wire, block, 0, BareNewline::normalise);
      EXPECT_TRUE(got.ended);
      EXPECT_EQ(got.content, c.content);
    }
  }
}

TEST(DataReader, SizeCountsAsRfc1870) {
  const std::string_view wire = "12345\r\n..89\r\n.\r\nQUIT\r\n";  // 7 + 5, one dot is stuffing
  for (std::size_t block = 1; block <= wire.size(); ++block) {
    EXPECT_FALSE(read(wire, block, 12).too_large);
    const Outcome got = read(wire, block, 11);
    EXPECT_TRUE(got.too_large);
    EXPECT_TRUE(got.ended);  // read on to the real end
    EXPECT_EQ(got.rest, "QUIT\r\n");
  }
}

TEST(DataReader, KeepsNothingPastTheLimit) {
  DataReader reader(1000, BareNewline::refuse);
  std::string out;
  const std::string block(1 << 16, 'x');
  for (int i = 0; i < 100; ++i) {
    std::string_view input = block;
    EXPECT_FALSE(reader.feed(input, out));
  }
  EXPECT_TRUE(reader.too_large());
  EXPECT_EQ(out.size(), 0U);
}

TEST(DataReader, AnySplitGivesTheSame) {
  std::mt19937 random(20261122);
  const std::string_view pieces[] = {"\r\n", "\r\n", "\r\n.", ".", "\r", "\n", "text", "\r\n.\r\n"};
  for (int round = 0; round < 3000; ++round) {
    std::string wire;
    for (int i = 0; i < 30; ++i) wire += pieces[random() % std::size(pieces)];
    const BareNewline policy = round % 2 == 0 ? BareNewline::refuse : BareNewline::normalise;
    const std::uint64_t limit = random() % 3 == 0 ? random() % 60 : 0;
    Outcome whole = read(wire, wire.size(), limit, policy);
    Outcome split = read(wire, 1 + random() % 7, limit, policy);
    if (whole.too_large || whole.bare) whole.content = split.content = "";
    ASSERT_EQ(whole, split) << "round " << round;
  }
}

// Hostile line ends must cost no more than others.
TEST(DataReader, LinearOnBareNewlines) {
  for (const char* unit : {"\r", "\n", "\r.", "\n\r"}) {
    for (const BareNewline policy : {BareNewline::refuse, BareNewline::normalise}) {
      std::string wire;
      while (wire.size() < (4U << 20U)) wire += unit;
      DataReader reader(0, policy);
      std::string out;
      std::string_view input = wire;
      EXPECT_FALSE(
          reader.feed(input, out));  // quadratic would take hours: the test's own time limit
    }
  }
}

}  // namespace
}  // namespace toast::smtp
