#include "mta/takeover/virtual_domains.h"

#include <gtest/gtest.h>

namespace toast::takeover {
namespace {

TEST(VirtualDomains, UndoesWhatAnEntryDid) {
  const VirtualDomains domains(
      "# comment:x\n"
      "V.test:owner\n"
      ".w.test:wild  \n"
      "boss@u.test:chief\n"
      "ex.w.test:\n"
      "twice.test:first\n"
      "twice.test:last\n"
      "no colon\n",
      "here.test\n");
  const struct {
    std::string_view stored, was;
  } cases[] = {
      {"owner-info@v.test", "info@v.test"},
      {"owner-Info@V.TEST", "Info@V.TEST"},          // the address keeps its case
      {"owner-a-b@v.test", "a-b@v.test"},            // only the first
      {"wild-x@a.w.test", "x@a.w.test"},             // wildcard
      {"chief-boss@u.test", "boss@u.test"},          // one address
      {"last-x@twice.test", "x@twice.test"},         // the last of equal keys
      {"chief-other@u.test", "chief-other@u.test"},  // no entry of its domain
      {"wild-x@w.test", "wild-x@w.test"},            // a wildcard is not its parent
      {"wild-x@ex.w.test", "wild-x@ex.w.test"},      // an exception was never rewritten
      {"info@v.test", "info@v.test"},                // not carried: left as it is
      {"ownerinfo@v.test", "ownerinfo@v.test"},
      {"ann@here.test", "ann@here.test"},
      {"no-domain", "no-domain"},
  };
  for (const auto& c : cases) EXPECT_EQ(domains.undo(c.stored), c.was);
}

TEST(VirtualDomains, CatchAllSparesLocals) {
  const VirtualDomains domains(":alias\n", "here.test\n");
  EXPECT_EQ(domains.undo("alias-x@any.test"), "x@any.test");
  EXPECT_EQ(domains.undo("alias-x@here.test"), "alias-x@here.test");
  EXPECT_EQ(VirtualDomains("", "").undo("alias-x@any.test"), "alias-x@any.test");
}

}  // namespace
}  // namespace toast::takeover
