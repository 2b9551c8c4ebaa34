#include <gtest/gtest.h>

#include "mta/compat/inject_command.h"

namespace toast::compat {
namespace {

// "t f=x | rest rest"
std::string read(std::vector<std::string> arguments) {
  OptionReader reader(std::move(arguments), "fo", "E");
  std::string out;
  while (const char option = reader.next()) {
    out += option;
    if (!reader.value().empty()) out += "=" + reader.value();
    out += ' ';
  }
  out += "|";
  for (const std::string& word : reader.rest()) out += " " + word;
  return out;
}

TEST(OptionReader, AsGetoptDoes) {
  EXPECT_EQ(read({}), "|");
  EXPECT_EQ(read({"a", "-t"}), "| a -t");
  EXPECT_EQ(read({"-t", "-i", "a"}), "t i | a");
  EXPECT_EQ(read({"-ti", "a"}), "t i | a");
  EXPECT_EQ(read({"-fx", "-f", "y", "a"}), "f=x f=y | a");
  EXPECT_EQ(read({"-tfx"}), "t f=x |");
  EXPECT_EQ(read({"-oi", "-oem", "a"}), "o=i o=em | a");
  EXPECT_EQ(read({"-E", "a"}), "E | a");
  EXPECT_EQ(read({"-Ex", "a"}), "E=x | a");
  EXPECT_EQ(read({"-f", "", "a"}), "f | a");
  EXPECT_EQ(read({"-f"}), "? |");
  EXPECT_EQ(read({"-t", "--", "-f", "a"}), "t | -f a");
  EXPECT_EQ(read({"-"}), "| -");
}

}  // namespace
}  // namespace toast::compat
