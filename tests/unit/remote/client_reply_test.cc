// Replies of other hosts: what is one, what ends the connection, and what is told of it.
#include <gtest/gtest.h>

#include "mta/remote/capabilities.h"
#include "mta/remote/outcome.h"
#include "mta/remote/reply_reader.h"

namespace toast::remote {
namespace {

using Event = ReplyReader::Event;

// The last event, and what was read on the way.
struct Read {
  Event end = Event::need_more;
  std::vector<RemoteReply> replies;
};
Read read(std::string_view bytes, std::size_t block) {
  ReplyReader reader;
  Read result;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, block);
    bytes.remove_prefix(input.size());
    while (!input.empty()) {
      result.end = reader.next(input);
      if (result.end == Event::reply) result.replies.push_back(reader.take());
      if (result.end == Event::malformed || result.end == Event::too_large) return result;
    }
  }
  return result;
}

struct ReplyCase {
  std::string_view bytes;
  int code;
  std::string_view text;
};
const ReplyCase kReplies[] = {
    {"250 ok\r\n", 250, "ok"},
    {"250\r\n", 250, ""},  // RFC 5321 section 4.2: clients accept it
    {"250 \r\n", 250, ""},
    {"250-a\r\n250-b\r\n250 c\r\n", 250, "a\nb\nc"},
    {"250-a\r\n250\r\n", 250, "a\n"},
    {"250-\r\n250 c\r\n", 250, "\nc"},
    {"354 go\n", 354, "go"},                      // a bare LF: what it means is clear
    {"599 x\r\n", 599, "x"},                      // unknown codes count by their first digit
    {"250 a\tb\x01\xc3\xa9\r\n", 250, "a?b???"},  // nothing but printable ASCII goes on
    {"250  two\r\n", 250, " two"},
};

TEST(ReplyReader, Replies) {
  for (const ReplyCase& c : kReplies) {
    for (const std::size_t block :
         {std::size_t{1}, std::size_t{2}, std::size_t{5}, c.bytes.size()}) {
      SCOPED_TRACE(std::string(c.bytes) + " by " + std::to_string(block));
      const Read got = read(c.bytes, block);
      ASSERT_EQ(got.end, Event::reply);
      ASSERT_EQ(got.replies.size(), 1U);
      EXPECT_EQ(got.replies[0].code, c.code);
      EXPECT_EQ(got.replies[0].text, c.text);
    }
  }
}

TEST(ReplyReader, OneAfterTheOther) {
  const Read got = read("250-a\r\n250 b\r\n550 c\r\n354 d\r\n2", 1000);
  ASSERT_EQ(got.replies.size(), 3U);
  EXPECT_EQ(got.replies[0].text, "a\nb");
  EXPECT_EQ(got.replies[1].code, 550);
  EXPECT_EQ(got.replies[2].code, 354);
  EXPECT_EQ(got.end, Event::need_more);
}

TEST(ReplyReader, Nonsense) {
  const std::string_view kBad[] = {
      "\r\n",
      "25\r\n",
      "2500 x\r\n",
      "x50 y\r\n",
      "25x y\r\n",
      "250_y\r\n",
      "150 wait\r\n",
      "650 y\r\n",
      "050 y\r\n",  // 1yz and beyond do not exist
      "250-a\r\n251 b\r\n",
      "250-a\r\nhello\r\n",  // lines disagree
      "HTTP/1.1 200 OK\r\n",
      "SSH-2.0-OpenSSH\r\n",
      "+OK\r\n",
  };
  for (const std::string_view bad : kBad) {
    EXPECT_EQ(read(bad, 1000).end, Event::malformed) << bad;
    EXPECT_EQ(read(bad, 1).end, Event::malformed) << bad;
  }
}

TEST(ReplyReader, LongLinesAreCut) {
  const Read got = read("250 " + std::string(10'000, 'x') + "\r\n", 777);
  ASSERT_EQ(got.end, Event::reply);
  EXPECT_EQ(got.replies[0].text.size(), kMaxReplyLineKept - 4);
}

// A megabyte, as one line without end or as lines without a last one: over after kMaxReplyBytes,
// with no more than that in memory.
TEST(ReplyReader, EndlessReplies) {
  std::string lines;
  while (lines.size() < 1'000'000) lines += "250-more\r\n";
  for (const std::string& bytes : {std::string(1'000'000, '2'), lines, std::string(1 << 20, '\0')})
    for (const std::size_t block : {1000, 1 << 20})
      EXPECT_EQ(read(bytes, block).end, Event::too_large);
}

TEST(Capabilities, OfEhlo) {
  struct {
    std::string_view text;
    Capabilities expected;
  } const kCases[] = {
      {"mx.test greets you", {}},
      {"PIPELINING", {}},  // the first line is a name, whatever it looks like
      {"mx\nPIPELINING\n8bitmime\nChunking\nDSN\nSMTPUTF8\nENHANCEDSTATUSCODES\nSTARTTLS",
       {true, true, true, true, true, true, true, false, false, false, 0, 0, 0}},
      {"mx\nSIZE 35882577", {.size = true, .max_size = 35882577}},
      {"mx\nSIZE", {.size = true}},
      {"mx\nSIZE 0", {.size = true}},
      {"mx\nSIZE -1\nSIZE", {.size = true}},
      {"mx\nSIZE 99999999999999999999999", {.size = true}},  // over 64 bits: as if not said
      {"mx\nLIMITS MAILMAX=5 RCPTMAX=20 RCPTDOMAINMAX=1", {.max_mails = 5, .max_recipients = 20}},
      {"mx\nLIMITS RCPTMAX=x MAILMAX", {}},
      {"mx\nAUTH CRAM-MD5 plain", {.auth_plain = true}},
      {"mx\nAUTH LOGIN PLAIN", {.auth_plain = true, .auth_login = true}},
      {"mx\nAUTH=PLAIN\nAUTH PLAINER\nAUTH", {}},
      {"mx\nX-PIPELINING\nXAUTH PLAIN LOGIN\n\nPIPELINING2", {}},
  };
  for (const auto& c : kCases) EXPECT_EQ(Capabilities::parse(c.text), c.expected) << c.text;
}

TEST(Outcome, InTheHostsWords) {
  struct {
    RemoteReply reply;
    Outcome::Kind kind;
    std::string_view text;
  } const kCases[] = {
      {{250, "2.1.5 ok"}, Outcome::Kind::delivered, "2.1.5 Remote host said: 250 2.1.5 ok"},
      {{250, ""}, Outcome::Kind::delivered, "2.0.0 Remote host said: 250"},
      {{450, "later"}, Outcome::Kind::deferred, "4.0.0 Remote host said: 450 later"},
      {{550, "5.1.1 a\n5.1.1 b\n5.1.1 c"},
       Outcome::Kind::failed,
       "5.1.1 Remote host said: 550 5.1.1 a b c"},
      {{550, "5.1.1\n5.1.1 b"}, Outcome::Kind::failed, "5.1.1 Remote host said: 550 5.1.1 b"},
      {{550, "a\n\nb"}, Outcome::Kind::failed, "5.0.0 Remote host said: 550 a b"},
      {{550, "4.2.2 x"},
       Outcome::Kind::failed,
       "5.0.0 Remote host said: 550 4.2.2 x"},  // other class
      {{450, "4.12345.1 x"}, Outcome::Kind::deferred, "4.0.0 Remote host said: 450 4.12345.1 x"},
      {{450, "4.7.650x"}, Outcome::Kind::deferred, "4.0.0 Remote host said: 450 4.7.650x"},
      {{450, "4.7.650 x"}, Outcome::Kind::deferred, "4.7.650 Remote host said: 450 4.7.650 x"},
      {{450, "4..1 x"}, Outcome::Kind::deferred, "4.0.0 Remote host said: 450 4..1 x"},
      {{351, "3.1.0 x"}, Outcome::Kind::deferred, "4.0.0 Remote host said: 351 3.1.0 x"},
      {{354, "go on"}, Outcome::Kind::deferred, "4.0.0 Remote host said: 354 go on"},
  };
  for (const auto& c : kCases) {
    const Outcome got = outcome_of(c.reply);
    EXPECT_EQ(got.kind, c.kind) << c.text;
    EXPECT_EQ(got.text, c.text);
  }
}

TEST(Outcome, LongTextIsCut) {
  EXPECT_EQ(outcome_of({550, std::string(10'000, 'x')}).text.size(), kMaxReportText);
}

TEST(Outcome, TooManyRecipients) {
  EXPECT_TRUE(says_too_many_recipients({452, "4.5.3 too many"}));
  EXPECT_TRUE(says_too_many_recipients({452, "too many"}));
  EXPECT_TRUE(says_too_many_recipients({552, "too many"}));
  EXPECT_TRUE(says_too_many_recipients({552, "5.5.3 too many"}));
  EXPECT_FALSE(says_too_many_recipients({552, "5.2.2 mailbox full"}));
  EXPECT_FALSE(says_too_many_recipients({452, "4.2.2 mailbox full"}));
  EXPECT_FALSE(says_too_many_recipients({450, "4.5.3 no"}));
}

}  // namespace
}  // namespace toast::remote
