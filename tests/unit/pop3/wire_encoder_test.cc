#include "pop3d/wire_encoder.h"

#include <gtest/gtest.h>

namespace toast::pop3 {
namespace {

std::string encode(std::string_view stored, std::size_t step, std::uint64_t lines) {
  WireEncoder encoder(lines);
  std::string out;
  for (std::size_t at = 0; at < stored.size(); at += step)
    if (!encoder.feed(stored.substr(at, step), out)) break;
  encoder.finish(out);
  return out;
}

std::uint64_t octets(std::string_view stored, std::size_t step) {
  WireSize size;
  for (std::size_t at = 0; at < stored.size(); at += step) size.feed(stored.substr(at, step));
  return size.total();
}

struct WireCase {
  std::string_view stored, wire;  // wire without the final ".\r\n"
  std::uint64_t octets;
};

TEST(WireEncoder, WholeMessages) {
  const WireCase cases[] = {
      {"", "", 0},
      {"a\n", "a\r\n", 3},
      {"a", "a\r\n", 3},  // no final newline
      {"\n", "\r\n", 2},
      {"a: b\n\nc\n", "a: b\r\n\r\nc\r\n", 11},
      // byte stuffing; the extra dot is not part of the size (RFC 1939 section 11)
      {".", "..\r\n", 3},
      {".\n", "..\r\n", 3},
      {"..\n", "...\r\n", 4},
      {"a.\n.b\n", "a.\r\n..b\r\n", 8},
      {"\n.\n", "\r\n..\r\n", 5},
      // mail that others put into the Maildir
      {"a\r\nb\r\n", "a\r\nb\r\n", 6},      // CRLF as stored
      {"a\r\nb\nc", "a\r\nb\r\nc\r\n", 9},  // mixed
      {"a\rb\n", "a\rb\r\n", 5},            // a CR alone stays
      {"a\r\r\n", "a\r\r\n", 4},
      {"a\r", "a\r\r\n", 4},    // a CR at the very end is content
      {"\r.\n", "\r.\r\n", 4},  // not at a line's start: no stuffing
      {"\r\n.\r\n", "\r\n..\r\n", 5},
      {std::string_view("a\0b\n\xff\n", 6), std::string_view("a\0b\r\n\xff\r\n", 8), 8},
  };
  for (const WireCase& c : cases) {
    for (const std::size_t step : {1U, 2U, 3U, 1000U}) {
      EXPECT_EQ(encode(c.stored, step, WireEncoder::kWholeMessage), std::string(c.wire) + ".\r\n")
          << c.stored << " in steps of " << step;
      EXPECT_EQ(octets(c.stored, step), c.octets) << c.stored << " in steps of " << step;
    }
  }
}

TEST(WireEncoder, Top) {
  struct TopCase {
    std::string_view stored;
    std::uint64_t lines;
    std::string_view wire;
  };
  const TopCase cases[] = {
      {"A: b\nC: d\n\none\ntwo\nthree\n", 0, "A: b\r\nC: d\r\n\r\n"},
      {"A: b\nC: d\n\none\ntwo\nthree\n", 1, "A: b\r\nC: d\r\n\r\none\r\n"},
      {"A: b\n\none\ntwo\n", 2, "A: b\r\n\r\none\r\ntwo\r\n"},
      {"A: b\n\none\ntwo\n", 99, "A: b\r\n\r\none\r\ntwo\r\n"},
      {"A: b\n\none\ntwo\n", UINT64_MAX, "A: b\r\n\r\none\r\ntwo\r\n"},
      {"A: b\r\n\r\none\r\ntwo\r\n", 1, "A: b\r\n\r\none\r\n"},  // CRLF as stored
      {"A: b\n\n\n\nx\n", 2, "A: b\r\n\r\n\r\n\r\n"},            // blank body lines count
      {"A: b\n\n.\n.x\n", 1, "A: b\r\n\r\n..\r\n"},
      {"A: b\n", 5, "A: b\r\n"},  // no body, no blank line
      {"A: b", 0, "A: b\r\n"},
      {"\nbody\n", 0, "\r\n"},                         // no header
      {"A: b\n\r\r\n\nx\n", 0, "A: b\r\n\r\r\n\r\n"},  // CR CR LF is not a blank line
      {"", 3, ""},
  };
  for (const TopCase& c : cases) {
    for (const std::size_t step : {1U, 2U, 3U, 1000U}) {
      EXPECT_EQ(encode(c.stored, step, c.lines), std::string(c.wire) + ".\r\n")
          << c.stored << " TOP " << c.lines << " in steps of " << step;
    }
  }
}

TEST(WireEncoder, TopStopsReading) {
  WireEncoder encoder(1);
  std::string out;
  EXPECT_TRUE(encoder.feed("A: b\n\n", out));
  EXPECT_FALSE(encoder.feed("one\ntwo\n", out));
  EXPECT_FALSE(encoder.feed("three\n", out));
  EXPECT_EQ(out, "A: b\r\n\r\none\r\n");
}

}  // namespace
}  // namespace toast::pop3
