#include "vdomain/dotqmail.h"

#include <gtest/gtest.h>

namespace toast::vdomain {

namespace {

// "3 maildir ./x/; 4! program true": number, ! if forbidden, kind, text
std::string print(const DotQmail& file) {
  constexpr std::string_view kKinds[] = {"maildir", "mbox", "program", "forward"};
  std::string out;
  if (file.empty) out += "empty;";
  if (file.first_line_blank) out += "blank;";
  for (const DotQmailLine& line : file.lines)
    out += std::to_string(line.number) + (line.forbidden ? "! " : " ") +
           std::string(kKinds[static_cast<unsigned>(line.kind)]) + " [" + line.text + "];";
  return out;
}

}  // namespace

TEST(DotQmail, LinesAsQmailReadsThem) {
  struct Case {
    std::string_view content, expected;
  };
  const Case cases[] = {
      {"", "empty;"},
      {"\n", "blank;"},
      {" \t\n", "blank;"},
      {"\n|true\n", "blank;2 program [true];"},
      {"#\n", ""},
      {"# x\n\n\n", ""},
      {"#\n\na@b\n", "3 forward [a@b];"},
      {" x@y\n&a@b  \t\n/dir/mb \n.\n",
       "1 forward [ x@y];2 forward [a@b];3 mbox [/dir/mb];4 mbox [.];"},
      {"./Maildir/\n/abs/Maildir/ ", "1 maildir [./Maildir/];2 maildir [/abs/Maildir/];"},
      {"|exit 99\n||x", "1 program [exit 99];2 program [|x];"},
      {"+list\na@b\n|true\n./x/\n", "2 forward [a@b];3! program [true];4! maildir [./x/];"},
      {"+lists\n|true\n", "2 program [true];"},
      {"+list \n|true\n", "2! program [true];"},  // trailing blanks never count
      {"a@b\r\n", "1 forward [a@b\r];"},          // not ours to repair
  };
  for (const Case& c : cases) EXPECT_EQ(print(parse_dot_qmail(c.content)), c.expected) << c.content;
}

TEST(DotQmail, NamesOfFiles) {
  EXPECT_EQ(dot_qmail_name("Foo.Bar-Baz"), ".qmail-foo:bar-baz");
  EXPECT_EQ(dot_qmail_name(""), ".qmail-");
}

TEST(DotQmail, KnowsVdelivermail) {
  const auto is = [](std::string_view content) {
    return is_vdelivermail(parse_dot_qmail(content).lines.at(0));
  };
  EXPECT_TRUE(is("| /home/vpopmail/bin/vdelivermail '' bounce-no-mailbox"));
  EXPECT_TRUE(is("|vdelivermail '' delete"));
  EXPECT_FALSE(is("|/bin/true /home/vpopmail/bin/vdelivermail"));
  EXPECT_FALSE(is("|"));
  EXPECT_FALSE(is("vdelivermail"));
}

}  // namespace toast::vdomain
