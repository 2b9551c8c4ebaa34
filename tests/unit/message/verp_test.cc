#include "mta/message/verp.h"

#include <gtest/gtest.h>

namespace toast {
namespace {

std::string expand(std::string_view base, std::string_view recipient) {
  return expand_verp(base, Address::parse(recipient).value());
}

TEST(Verp, PutsTheRecipientIntoTheReversePath) {
  EXPECT_EQ(expand("list-owner-@h.test", "perm@r.test"), "list-owner-perm=r.test@h.test");
  EXPECT_EQ(expand("o-@h.test", "\"a b\"@r.test"), "\"o-a b=r.test\"@h.test");
  EXPECT_EQ(expand("o-@h.test", "a@[192.0.2.1]"), "\"o-a=[192.0.2.1]\"@h.test");
}

TEST(Verp, LeavesWhatCannotBeExpanded) {
  EXPECT_EQ(expand("", "a@r.test"), "");
  EXPECT_EQ(expand("#", "a@r.test"), "#");
  const std::string longest = std::string(200, 'x') + "@h.test";
  const std::string recipient = std::string(50, 'y') + "@r.test";
  EXPECT_EQ(expand(longest, recipient), longest);
}

}  // namespace
}  // namespace toast
