// Dot-qmail files in a domain's directory, as qmail would honour them.
#include "tests/unit/vdomain/fake_view.h"

namespace toast::vdomain {

namespace {

FakeView with_files(std::initializer_list<std::pair<std::string_view, std::string_view>> files) {
  FakeView view;
  view.add_domain("a.test");
  view.add_mailbox("ann@a.test");
  for (const auto& [name, content] : files) view.add_file("a.test", name, content);
  return view;
}

}  // namespace

TEST(ResolverFile, WhichFileAndWhatIsDefault) {
  struct Case {
    std::string_view local_part;
    std::vector<std::string_view> files;
    std::string_view step;  // of the trace
  };
  const Case cases[] = {
      {"Foo-Bar.Baz", {".qmail-foo-default"}, "file a.test/.qmail-foo-default, DEFAULT=Bar.Baz\n"},
      {"a.b", {".qmail-a:b"}, "file a.test/.qmail-a:b\n"},  // dots are colons
      {"d-default", {".qmail-d-default"}, "file a.test/.qmail-d-default\n"},
      {"d-", {".qmail-d-default"}, "file a.test/.qmail-d-default, DEFAULT=\n"},
      {"d", {".qmail-d-default", ".qmail-default"}, "file a.test/.qmail-default, DEFAULT=d\n"},
      {"a-b-c",
       {".qmail-a-b-c", ".qmail-a-b-default", ".qmail-a-default"},
       "file a.test/.qmail-a-b-c\n"},
      {"a-b-c",
       {".qmail-a-b-default", ".qmail-a-default", ".qmail-default"},
       "file a.test/.qmail-a-b-default, DEFAULT=c\n"},
      {"a-b-c",
       {".qmail-a-default", ".qmail-default"},
       "file a.test/.qmail-a-default, DEFAULT=b-c\n"},
      {"a-b-c", {".qmail-default"}, "file a.test/.qmail-default, DEFAULT=a-b-c\n"},
      {"a-b-", {".qmail-a-b-default"}, "file a.test/.qmail-a-b-default, DEFAULT=\n"},
  };
  for (const Case& c : cases) {
    FakeView view;
    view.add_domain("a.test");
    for (const std::string_view file : c.files) view.add_file("a.test", file, "x@other.test\n");
    const std::string recipient = std::string(c.local_part) + "@a.test";
    EXPECT_EQ(resolved(view, recipient), "forward x@other.test") << recipient;
    EXPECT_NE(traced(view, recipient).find(c.step), std::string::npos) << traced(view, recipient);
  }
  FakeView none;
  none.add_domain("a.test");
  none.add_file("a.test", ".qmail-x-default", "x@other.test\n");
  EXPECT_EQ(resolved(none, "x@a.test"), "unknown");
}

TEST(ResolverFile, TheMostSpecificNameWins) {
  FakeView view = with_files({{".qmail-ann", "file@other.test\n"},
                              {".qmail-x-default", "file-default@other.test\n"},
                              {".qmail-default", "rest@other.test\n"}});
  view.add_mailbox("x-box@a.test");
  view.add_alias("y-default@a.test", {"alias-default@other.test"});
  view.domains.at("a.test").catch_all = {CatchAll::Kind::mailbox, address("ann@a.test")};
  EXPECT_EQ(resolved(view, "ann@a.test"), "forward file@other.test");  // before the mailbox
  EXPECT_EQ(resolved(view, "x-box@a.test"), "maildir a.test/x-box/Maildir");
  EXPECT_EQ(resolved(view, "x-y@a.test"), "forward file-default@other.test");
  EXPECT_EQ(resolved(view, "y-z@a.test"), "forward alias-default@other.test");
  EXPECT_EQ(resolved(view, "z@a.test"), "forward rest@other.test");  // before the catch-all
}

TEST(ResolverFile, WhatLinesMean) {
  struct Case {
    std::string_view content, expected;
  };
  const Case cases[] = {
      {"&x@other.test\ny@other.test\n", "forward x@other.test; forward y@other.test"},
      {"x@other.test", "forward x@other.test"},              // the last line end is supplied
      {"x@other.test \t\n# y\n\n", "forward x@other.test"},  // blanks, comments, empty lines
      {"bob\n", "forward bob@mx.test"},                      // no domain: this host's
      {"ann@a.test\n", "maildir a.test/ann/Maildir"},
      {"./ann/Maildir/\n", "maildir a.test/ann/Maildir"},
      {".//ann/./Maildir/\n", "maildir a.test/ann/Maildir"},
      {"/srv/toast/mail/a.test/ann/Maildir/\n", "maildir a.test/ann/Maildir"},
      {"./ann/Maildir/\nx@other.test\n", "maildir a.test/ann/Maildir; forward x@other.test"},
      {"#\n", "discard (a.test/.qmail-f holds only comments)"},
      {"+other\n", "discard (a.test/.qmail-f holds only comments)"},
      // what cannot be done here waits, and says why
      {"\nx@other.test\n", "defer 4.2.1 a.test/.qmail-f: the first line is blank"},
      {"", "defer 4.2.1 a.test/.qmail-f is empty and there is no mailbox f@a.test"},
      {"|true\n", "defer 4.3.5 a.test/.qmail-f:1: this version does not run programs"},
      {"#\n./mbox\n",
       "defer 4.3.5 a.test/.qmail-f:2: mbox files are not supported; end the path with / for a "
       "Maildir"},
      {"+list\nx@other.test\n|true\n",
       "forward x@other.test; defer 4.7.0 a.test/.qmail-f:3: only forwards are allowed in a list's "
       "file"},
      {" x@other.test\n", "defer 4.3.5 a.test/.qmail-f:1: not an address to forward to"},
      {"&\n", "defer 4.3.5 a.test/.qmail-f:1: not an address to forward to"},
      // nothing leaves the domain's directory
      {"./../b.test/bob/Maildir/\n",
       "defer 4.3.5 a.test/.qmail-f:1: ./../b.test/bob/Maildir/ is not in the directory of a.test"},
      {"/srv/toast/mail/b.test/bob/Maildir/\n",
       "defer 4.3.5 a.test/.qmail-f:1: /srv/toast/mail/b.test/bob/Maildir/ is not in the directory "
       "of a.test"},
      {"./\n", "defer 4.3.5 a.test/.qmail-f:1: ./ is not in the directory of a.test"},
      {"./who/Maildir/\n",
       "defer 4.2.1 a.test/.qmail-f:1: no mailbox has the Maildir "
       "a.test/who/Maildir"},
  };
  for (const Case& c : cases) {
    FakeView view = with_files({{".qmail-f", c.content}});
    EXPECT_EQ(resolved(view, "f@a.test"), c.expected) << c.content;
  }
}

TEST(ResolverFile, TheExecuteBitMarksAListsFile) {
  FakeView view = with_files({});
  view.add_file("a.test", ".qmail-f", "x@other.test\n|true\n", true);
  EXPECT_EQ(resolved(view, "f@a.test"),
            "forward x@other.test; defer 4.7.0 a.test/.qmail-f:2: only forwards are allowed in a "
            "list's file");
}

TEST(ResolverFile, AnEmptyFileMeansTheMailbox) {
  FakeView view = with_files({{".qmail-ann", ""}});
  EXPECT_EQ(resolved(view, "ann@a.test"), "maildir a.test/ann/Maildir");
}

TEST(ResolverFile, AFileThatNamesItselfReachesItsOwnMailbox) {
  FakeView view = with_files({{".qmail-ann", "ann@a.test\nx@other.test\n"}});
  EXPECT_EQ(resolved(view, "ann@a.test"), "maildir a.test/ann/Maildir; forward x@other.test");
}

TEST(ResolverFile, VdelivermailMeansTheDirectory) {
  FakeView view =
      with_files({{".qmail-default", "| /home/vpopmail/bin/vdelivermail '' bounce-no-mailbox\n"}});
  EXPECT_EQ(resolved(view, "ann@a.test"), "maildir a.test/ann/Maildir");
  EXPECT_EQ(resolved(view, "who@a.test"), "unknown");
  view.domains.at("a.test").catch_all = {CatchAll::Kind::mailbox, address("ann@a.test")};
  EXPECT_EQ(resolved(view, "who@a.test"), "maildir a.test/ann/Maildir");
}

TEST(ResolverFile, AFileThatCannotBeReadIsNoAnswer) {
  FakeView view = with_files({{".qmail-ann", "x@other.test\n"}});
  view.unreadable = "a.test/.qmail-ann";
  EXPECT_EQ(resolved(view, "ann@a.test"), "error: a.test/.qmail-ann: permission denied");
}

}  // namespace toast::vdomain
