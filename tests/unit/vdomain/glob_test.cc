#include "vdomain/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace toast::vdomain {

TEST(Glob, Matches) {
  struct Case {
    std::string_view pattern, name;
    bool matches;
  };
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"*", "anything", true},
      {"*@example.org", "ann@example.org", true},
      {"*@example.org", "ann@example.net", false},
      {"a*b*c", "a1b2b3c", true},
      {"a*b*c", "a1b2b3", false},
      {"?", "a", true},
      {"?", "", false},
      {"??", "a", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a-c]x", "dx", true},
      {"[]]x", "]x", true},
      {"[ab", "[ab", true},  // not closed: ordinary
      {"a\\*", "a*", true},
      {"a\\*", "ab", false},
      {"\\", "\\", true},
      {"***", "x", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_matches(c.pattern, c.name), c.matches) << c.pattern << " " << c.name;
}

TEST(Glob, StarsDoNotMultiply) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(10'000, 'a')));  // ends at once
}

}  // namespace toast::vdomain
