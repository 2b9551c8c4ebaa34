// Who is answered, and how the answer looks.
#include "mta/queue/auto_reply.h"

#include <gtest/gtest.h>

namespace toast::queue {
namespace {

Address an_address(std::string_view text) { return Address::parse(text).value(); }
WallTime at(int hours) { return WallTime{std::chrono::hours{hours}}; }

vdomain::AutoReply reply() {
  return {.mailbox = an_address("ann@example.org"),
          .subject = {},
          .text = "I am away.\n",
          .begins = {},
          .ends = {},
          .own = {an_address("ann@example.org"), an_address("ann@example.net")}};
}

std::string reason(const std::string& header, std::string_view sender = "bob@client.test") {
  return reason_not_to_answer(reply(), an_address(sender), header + "\nbody\n", at(10));
}

TEST(AutoReply, WhatIsAnswered) {
  const char* const headers[] = {
      "To: ann@example.org\n",
      "To: Ann <ANN@example.ORG>, bob@x.test\n",
      "Cc: x@y.test,\n ann@example.net\n",
      "Resent-To: ann@example.org\n",
      "To: ann@example.org\nAuto-Submitted: no\n",
      "To: ann@example.org\nAuto-Submitted: no (really)\n",
      "To: ann@example.org\nPrecedence: first-class\n",
      "To: ann@example.org\nX-Spam-Flag: NO\n",
  };
  for (const char* header : headers) EXPECT_EQ(reason(header), "") << header;
}

TEST(AutoReply, WhatIsNot) {
  struct Case {
    const char *header, *why;
  };
  const Case cases[] = {
      {"To: all@example.org\n", "its address is not in To or Cc"},
      {"Subject: ann@example.org\n", "its address is not in To or Cc"},
      {"To: joann@example.org\n", "its address is not in To or Cc"},
      {"To: ann@example.org.evil.test\n", "its address is not in To or Cc"},
      {"To: ann@example.org\nList-Id: <x.test>\n", "it came over a list"},
      {"List-Unsubscribe: <mailto:x@y.test>\nTo: ann@example.org\n", "it came over a list"},
      {"To: ann@example.org\nPrecedence: Bulk\n", "it is bulk mail"},
      {"To: ann@example.org\nPrecedence: junk\n", "it is junk mail"},
      {"To: ann@example.org\nprecedence:\n list\n", "it is list mail"},
      {"To: ann@example.org\nAuto-Submitted: auto-replied\n", "it was sent by a program"},
      {"To: ann@example.org\nAuto-Submitted: auto-generated; x=y\n", "it was sent by a program"},
      {"To: ann@example.org\nX-Spam-Flag: YES\n", "it is marked as spam"},
      {"To: ann@example.org\nContent-Type: multipart/report; report-type=x\n", "it is a report"},
      {"To: ann@example.org\nX-Auto-Response-Suppress: DR, OOF\n",
       "its sender wants no answers of programs"},
  };
  for (const Case& c : cases) EXPECT_EQ(reason(c.header), c.why) << c.header;
  EXPECT_NE(reason("To: ann@example.org\n\nList-Id: x\n"), "it came over a list");  // the body
}

TEST(AutoReply, WhoIsNot) {
  for (const std::string_view sender :
       {"MAILER-DAEMON@x.test", "owner-list@x.test", "list-request@x.test", "noreply@x.test",
        "No-Reply@x.test", "list-bounces@x.test", "bounces+ann=example.org@x.test",
        "list-owner@x.test", "postmaster@x.test"})
    EXPECT_EQ(reason("To: ann@example.org\n", sender), "its sender is a program") << sender;
  for (const std::string_view sender : {"ann@example.org", "Ann@Example.Net"})
    EXPECT_EQ(reason("To: ann@example.org\n", sender), "it is its own sender") << sender;
  EXPECT_EQ(reason("To: ann@example.org\n", "owner@x.test"), "");
}

TEST(AutoReply, OnlyBetweenItsDates) {
  vdomain::AutoReply dated = reply();
  dated.begins = at(5);
  dated.ends = at(8);
  const auto when = [&](int hour) {
    return reason_not_to_answer(dated, an_address("bob@x.test"), "To: ann@example.org\n\n",
                                at(hour));
  };
  EXPECT_EQ(when(4), "it has not begun");
  EXPECT_EQ(when(5), "");
  EXPECT_EQ(when(7), "");
  EXPECT_EQ(when(8), "it is over");
  vdomain::AutoReply any = reply();
  any.only_if_named = false;
  EXPECT_EQ(reason_not_to_answer(any, an_address("bob@x.test"), "To: all@x.test\n\n", at(1)), "");
}

std::string text(const vdomain::AutoReply& with, const std::string& header) {
  const Address sender = an_address("bob@client.test");
  return answer_text({with, sender, header, MessageId(1234), "mx.test", at(0)});
}

TEST(AutoReply, HowItLooks) {
  EXPECT_EQ(text(reply(),
                 "Subject: Lunch?\nMessage-ID: <1@client.test>\nReferences: <0@client.test>\n\n"),
            "Date: Thu, 01 Jan 1970 00:00:00 +0000\n"
            "From: ann@example.org\n"
            "To: bob@client.test\n"
            "Subject: Auto: Lunch?\n"
            "Message-ID: <" +
                MessageId(1234).str() +
                ".auto@mx.test>\n"
                "In-Reply-To: <1@client.test>\n"
                "References: <0@client.test>\n <1@client.test>\n"
                "Auto-Submitted: auto-replied\n"
                "MIME-Version: 1.0\n"
                "Content-Type: text/plain; charset=us-ascii\n"
                "\n"
                "I am away.\n");
}

TEST(AutoReply, NothingOfAStrangersHeaderBecomesAField) {
  for (const std::string header : {"Subject: a\r\n\tBcc: x@y.test\nMessage-ID: <a\r\n b@c>\n\n",
                                   "Message-ID: <x@y>\rBcc: <z@y.test>\n\n", "Subject: \xff\n\n"}) {
    const std::string answer = text(reply(), header);
    EXPECT_EQ(answer.find("\nBcc:"), std::string::npos) << answer;
    EXPECT_EQ(answer.find('\r'), std::string::npos) << answer;
    for (const char c : answer) EXPECT_LT(static_cast<unsigned char>(c), 0x80) << answer;
  }
}

TEST(AutoReply, Utf8GoesThroughAnything) {
  vdomain::AutoReply german = reply();
  german.subject = "Zur\u00fcck am Montag, ganz sicher, und nicht einen einzigen Tag fr\u00fcher";
  german.text = "Sch\u00f6ne Gr\u00fc\u00dfe =) \n" + std::string(100, 'x');
  const std::string answer = text(german, "Subject: x\n\n");
  for (const char c : answer) ASSERT_LT(static_cast<unsigned char>(c), 0x80);
  EXPECT_NE(answer.find("Subject: =?UTF-8?B?WnVyw7xjayBhbSBNb250YWcs"), std::string::npos)
      << answer;
  EXPECT_NE(answer.find("Sch=C3=B6ne Gr=C3=BC=C3=9Fe =3D)=20\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Content-Transfer-Encoding: quoted-printable\n"), std::string::npos);
  std::size_t line = 0;
  for (const char c : answer) {
    line = c == '\n' ? 0 : line + 1;
    EXPECT_LE(line, 78U) << answer;
  }
}

TEST(AutoReply, EncodedWordsHoldWholeCharacters) {
  std::string long_text;
  for (int i = 0; i < 60; ++i) long_text += "\u20ac";  // three bytes each
  const std::string encoded = encode_header_text(long_text);
  EXPECT_EQ(encoded.find("=?UTF-8?B?4oKs"), 0U) << encoded;
  std::size_t words = 0;
  for (std::size_t from = encoded.find("=?UTF-8?B?"); from != std::string::npos;
       from = encoded.find("=?UTF-8?B?", from + 1)) {
    ++words;
    EXPECT_EQ(encoded.substr(from + 10, 4), "4oKs");  // each begins with a whole one
  }
  EXPECT_EQ(words, 5U);
  EXPECT_EQ(encode_header_text("plain"), "plain");
}

}  // namespace
}  // namespace toast::queue
