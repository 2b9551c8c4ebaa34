#include "mta/message/path.h"

#include <gtest/gtest.h>

namespace toast {
namespace {

struct PathCase {
  std::string_view input, address, rest;
};

const PathCase kBoth[] = {
    {"<ann@example.org>", "ann@example.org", ""},
    {"<ann@example.org> SIZE=1", "ann@example.org", " SIZE=1"},
    {"<ann@example.org>SIZE=1", "ann@example.org", "SIZE=1"},
    {"<\"a>b\"@example.org> X", "\"a>b\"@example.org", " X"},
    {"<\"a\\\">b\"@example.org>", "\"a\\\">b\"@example.org", ""},
    // source routes are stripped
    {"<@a.example:ann@example.org>", "ann@example.org", ""},
    {"<@a.example,@b.example:ann@example.org>", "ann@example.org", ""},
};
const std::string_view kBadBoth[] = {
    "",
    "<",
    ">",
    "ann@example.org",
    "<ann@example.org",
    "ann@example.org>",
    "<ann>",
    "< ann@example.org>",
    "<ann@example.org >",
    "<\"ann@example.org>",
    "<<ann@example.org>>",
    "<@a.example>",
    "<@a.example:>",
    "<@:ann@example.org>",
    "<@a.example,ann@example.org>",
    "<@a.example,b.example:ann@example.org>",
    "<@a..b:ann@example.org>",
    " <ann@example.org>",
};

TEST(Path, Both) {
  for (const PathCase& c : kBoth) {
    SCOPED_TRACE(c.input);
    std::string_view text = c.input;
    const auto reverse = take_reverse_path(text);
    ASSERT_TRUE(reverse);
    EXPECT_EQ(path_text(*reverse), c.address);
    EXPECT_EQ(text, c.rest);
    text = c.input;
    const auto forward = take_forward_path(text);
    ASSERT_TRUE(forward);
    EXPECT_EQ(std::get<Address>(*forward).str(), c.address);
    EXPECT_EQ(text, c.rest);
  }
}

TEST(Path, BadBoth) {
  for (std::string_view input : kBadBoth) {
    SCOPED_TRACE(input);
    std::string_view text = input;
    EXPECT_FALSE(take_reverse_path(text));
    text = input;
    EXPECT_FALSE(take_forward_path(text));
  }
}

TEST(Path, NullSenderOnlyInMail) {
  std::string_view text = "<> SIZE=1";
  const auto reverse = take_reverse_path(text);
  ASSERT_TRUE(reverse);
  EXPECT_FALSE(reverse->has_value());
  EXPECT_EQ(text, " SIZE=1");
  text = "<>";
  EXPECT_FALSE(take_forward_path(text));
}

TEST(Path, PostmasterOnlyInRcpt) {
  for (std::string_view input : {"<postmaster>", "<Postmaster>", "<POSTMASTER>"}) {
    std::string_view text = input;
    const auto forward = take_forward_path(text);
    ASSERT_TRUE(forward) << input;
    EXPECT_TRUE(std::holds_alternative<Postmaster>(*forward));
    text = input;
    EXPECT_FALSE(take_reverse_path(text)) << input;
  }
}

TEST(Path, Length) {
  // A route does not count for the mailbox, but the whole path has its limit.
  const std::string hop = "@" + std::string(60, 'a') + "." + std::string(60, 'a');
  std::string path = "<" + hop + ":ann@example.org>";
  std::string_view text = path;
  EXPECT_TRUE(take_reverse_path(text));
  path = "<" + hop + "," + hop + ":ann@example.org>";
  text = path;
  EXPECT_FALSE(take_reverse_path(text));
}

}  // namespace
}  // namespace toast
