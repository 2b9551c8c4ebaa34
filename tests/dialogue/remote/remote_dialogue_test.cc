// Plays every dialogue of this folder: our client against hosts that say what the file says, in
// one piece and byte by byte.
#include <gtest/gtest.h>

#include "tests/dialogue/remote/world.h"

namespace toast::remote {
namespace {

TEST(RemoteDialogue, EveryFile) {
  Result<std::vector<dialogue::Script>> scripts =
      dialogue::load_scripts(std::string(TOAST_SOURCE_DIR) + "/tests/dialogue/remote");
  ASSERT_TRUE(scripts) << scripts.error().detail;
  for (const dialogue::Script& script : *scripts) {
    SCOPED_TRACE(script.name);
    EXPECT_EQ(play(script, std::string::npos), "");
    EXPECT_EQ(play(script, 1), "") << "byte by byte";
  }
}

// The player itself must be able to fail.
TEST(RemoteDialogue, DeviationsAreNoticed) {
  const std::string before = "given recipient ann@example.org\ngiven connection 192.0.2.1\n";
  const std::string_view kWrong[] = {
      "S: 220 mx\nC: HELO out.client.test\n",             // says something else
      "S: 220 mx\nC: EHLO out.client.test\nS: 250 ok\n",  // says more
      "S: 220 mx\nS.\n",                                  // speaks, though the host closes: fine,
                                                          // but its outcome is not expected
      "C: EHLO out.client.test\n",                        // waits for the greeting
  };
  for (const std::string_view wrong : kWrong) {
    SCOPED_TRACE(wrong);
    Result<dialogue::Script> script = dialogue::parse_script(before + std::string(wrong), "wrong");
    ASSERT_TRUE(script);
    EXPECT_NE(play(*script, std::string::npos), "");
  }
}

}  // namespace
}  // namespace toast::remote
