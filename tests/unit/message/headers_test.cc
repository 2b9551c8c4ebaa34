#include "mta/message/headers.h"

#include <gtest/gtest.h>

#include <vector>

namespace toast {
namespace {

std::vector<std::string> names(std::string_view message, std::size_t* body = nullptr) {
  std::vector<std::string> out;
  HeaderScanner scanner(message);
  while (auto field = scanner.next()) out.emplace_back(field->name);
  EXPECT_FALSE(scanner.next());
  if (body != nullptr) *body = scanner.body_offset();
  return out;
}

TEST(HeaderScanner, FieldsAndBody) {
  struct Case {
    std::string_view message;
    std::vector<std::string> names;
    std::string_view body;
  };
  const Case cases[] = {
      {"A: 1\nB: 2\n\nbody: x\n", {"A", "B"}, "body: x\n"},
      {"A: 1\n 2\n\t3\nB:\n\nx", {"A", "B"}, "x"},
      {"\nA: 1\n", {}, "A: 1\n"},  // an empty header
      {"", {}, ""},
      {"hello\nA: 1\n", {}, "hello\nA: 1\n"},  // no header at all
      {"A: 1\nhello\n", {"A"}, "hello\n"},     // the empty line is missing: the body is not dropped
      {" A: 1\n", {}, " A: 1\n"},              // continues nothing
      {"Subject : x\n\n", {"Subject"}, ""},    // obsolete space before the colon is read
      {"A b: x\n\n", {}, "A b: x\n\n"},
      {": x\n", {}, ": x\n"},
      {"A: 1", {"A"}, ""},  // no line end
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    std::size_t body = 0;
    EXPECT_EQ(names(c.message, &body), c.names);
    EXPECT_EQ(c.message.substr(body), c.body);
  }
}

TEST(HeaderScanner, BodyOfAField) {
  HeaderScanner scanner("Delivered-To:\n  ann@example.org \nX: y\n");
  const auto field = scanner.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->body, "\n  ann@example.org ");
  EXPECT_EQ(unfold(field->body), "ann@example.org");
  EXPECT_EQ(unfold(" \n "), "");
}

TEST(CountFields, IgnoresCaseAndBody) {
  EXPECT_EQ(count_fields("received: a\nRECEIVED: b\nX-Received: c\n\nReceived: d\n", "Received"),
            2U);
}

TEST(HopCounter, CountsAsQmailDoes) {
  struct Case {
    std::string_view message;
    std::size_t hops;
  };
  const Case cases[] = {
      {"Received: a\nreceived: b\nRECEIVED: c\n\n", 3},
      {"Delivered-To: a\nReceived: b\n\n", 2},
      {"Received: a\n Received: folded\n\n", 1},
      {"X-Received: a\nReceive: b\nReceivee\n\n", 0},
      {"Subject: x\n\nReceived: in the body\n", 0},
      {"\nReceived: in the body\n", 0},
      {"Receivedd", 1},  // the prefix counts, as in qmail
      {"", 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    for (std::size_t block = 1; block <= c.message.size() + 1; ++block) {
      HopCounter counter;
      for (std::size_t at = 0; at < c.message.size(); at += block)
        counter.feed(c.message.substr(at, block));
      EXPECT_EQ(counter.hops(), c.hops) << "blocks of " << block;
    }
  }
}

}  // namespace
}  // namespace toast
