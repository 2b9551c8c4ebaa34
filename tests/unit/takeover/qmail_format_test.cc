// The files of qmail's queue, whole and damaged.
#include "mta/takeover/qmail_format.h"

#include <gmock/gmock.h>

namespace toast::takeover {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(QmailTodo, Envelope) {
  const auto envelope = parse_qmail_todo("u1000\0p4242\0Fme@a.test\0Tann@b.test\0Tx y\0"s);
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->sender, "me@a.test");
  EXPECT_THAT(envelope->recipients, ElementsAre("ann@b.test", "x y"));
  const auto nobody = parse_qmail_todo("F\0"s);
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->sender, "");
  EXPECT_THAT(nobody->recipients, IsEmpty());
}

TEST(QmailTodo, Damaged) {
  const std::string bad[] = {
      "",                       // no sender
      "u1\0p2\0Ta@b\0"s,        // no sender
      "Fa@b\0Tc@d",             // cut short
      "Fa@b\0Fc@d\0"s,          // two senders
      "Fa@b\0Dc@d\0"s,          // a letter of another file
      "Fa@b\0\0Tc@d\0"s,        // an empty record
      std::string(4096, '\0'),  // blocks that a crash left
  };
  for (const std::string& bytes : bad) EXPECT_FALSE(parse_qmail_todo(bytes)) << bytes;
}

TEST(QmailInfo, Sender) {
  EXPECT_EQ(parse_qmail_info("Fme@a.test\0"s).value(), "me@a.test");
  EXPECT_EQ(parse_qmail_info("F\0"s).value(), "");
  for (const std::string& bytes : {""s, "F"s, "Fme@a.test"s, "Tme@a.test\0"s, "Fa\0Fb\0"s, "\0"s})
    EXPECT_FALSE(parse_qmail_info(bytes)) << bytes;
}

TEST(QmailRecipients, OnlyThoseThatAreLeft) {
  EXPECT_THAT(parse_qmail_recipients("Da@b\0Tc@d\0De@f\0Tg@h\0"s).value(),
              ElementsAre("c@d", "g@h"));
  EXPECT_THAT(parse_qmail_recipients("").value(), IsEmpty());
  for (const std::string& bytes : {"Ta@b"s, "Ta@b\0X"s, "Xa@b\0"s, "Ta@b\0\0"s})
    EXPECT_FALSE(parse_qmail_recipients(bytes)) << bytes;
}

TEST(QmailBounce, Paragraphs) {
  const auto failures = parse_qmail_bounce(
      "<ann@b.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
      "<x@y>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 no\nGiving up.\n\n"
      "<z@y>:\n");
  ASSERT_TRUE(failures);
  ASSERT_EQ(failures->size(), 3U);
  EXPECT_EQ((*failures)[0].address, "ann@b.test");
  EXPECT_EQ((*failures)[0].text, "Sorry, no mailbox here by that name. (#5.1.1)");
  EXPECT_EQ((*failures)[1].text,
            "192.0.2.1 does not like recipient.\nRemote host said: 550 no\nGiving up.");
  EXPECT_EQ((*failures)[2].text, "");
  EXPECT_THAT(parse_qmail_bounce("").value(), IsEmpty());
  for (const std::string& bytes : {"text\n"s, "<a@b>\ntext\n"s, "<>:x\n"s, "\0\0\0"s})
    EXPECT_FALSE(parse_qmail_bounce(bytes)) << bytes;
}

}  // namespace
}  // namespace toast::takeover
