// Names as senders write them, and the directories they become.
#include "tests/unit/vdomain/fake_view.h"
#include "vdomain/dotqmail.h"
#include "vdomain/model.h"

namespace toast::vdomain {

TEST(ResolverNames, OddLocalPartsAreNamesLikeOthers) {
  FakeView view;
  view.add_domain("a.test");
  view.add_mailbox("\"a b\"@a.test");
  view.add_mailbox("x/y@a.test");
  view.add_mailbox("#@a.test");
  EXPECT_EQ(resolved(view, "\"A B\"@a.test"), "maildir a.test/a%20b/Maildir");
  EXPECT_EQ(resolved(view, "x/y@a.test"), "maildir a.test/x%2Fy/Maildir");
  EXPECT_EQ(resolved(view, "#@a.test"), "maildir a.test/%23/Maildir");
  EXPECT_EQ(resolved(view, "\"\"@a.test"), "unknown");
  const std::string dashes(64, '-');
  EXPECT_EQ(resolved(view, dashes + "@a.test"), "unknown");
  EXPECT_EQ(resolved(view, "x@[192.0.2.1]"), "not local");
}

TEST(ResolverNames, NoNameOpensAFileElsewhere) {
  EXPECT_EQ(dot_qmail_name("x/../../secret"), "");
  EXPECT_EQ(dot_qmail_name(std::string_view("a\0b", 3)), "");
  EXPECT_EQ(dot_qmail_name(".."), ".qmail-::");
}

TEST(ResolverNames, DirectoryNames) {
  struct Case {
    std::string_view name, directory;
  };
  const Case cases[] = {
      {"ann", "ann"},       {"a.b-c_d+e=f", "a.b-c_d+e=f"},
      {".", "%2E"},         {"..", "%2E."},
      {"a/b", "a%2Fb"},     {"%2e", "%252e"},
      {"ANN", "%41%4E%4E"}, {"~", "%7E"},
      {"\x80", "%80"},      {"a b", "a%20b"},
  };
  for (const Case& c : cases) EXPECT_EQ(directory_name(c.name), c.directory) << c.name;
}

}  // namespace toast::vdomain
