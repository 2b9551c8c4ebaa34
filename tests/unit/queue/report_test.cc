#include "mta/queue/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace toast::queue {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const WallTime kNow{std::chrono::seconds{1'795'000'000}};  // Wed, 18 Nov 2026

Report example() {
  Report b;
  b.id = MessageId(0x123456789abcdef0);
  b.now = kNow;
  b.host = "mx.example.org";
  b.from = "MAILER-DAEMON";
  b.to = "bob@client.test";
  b.original_sender = "bob@client.test";
  b.original_arrival = kNow - std::chrono::hours{2};
  b.recipients = {
      {"ann@example.org", "", "5.1.1 no mailbox here by that name"},
      {"list@example.org", "rfc822;List@example.org",
       "4.2.2 the mailbox is full\nI'm not going to try again; this message has been in "
       "the queue too long."}};
  b.original = "Received: from client\nSubject: hello\n\nHello Ann,\nsee you.\n";
  b.original_bytes = b.original.size();
  b.max_quoted = 50'000;
  return b;
}

std::string golden(const std::string& name) {
  std::ifstream file(std::string(TOAST_SOURCE_DIR) + "/tests/unit/queue/golden/" + name);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

TEST(ReportText, SingleBounceAsOnFile) {
  EXPECT_EQ(report_text(example()).content, golden("bounce.txt"));
}

TEST(ReportText, DoubleBounceAsOnFile) {
  Report b = example();
  b.is_double = true;
  b.to = "postmaster@example.org";
  b.original_sender = "";
  b.recipients.resize(1);
  EXPECT_EQ(report_text(b).content, golden("double_bounce.txt"));
}

TEST(ReportText, TooLongForQuotingReturnsTheHeader) {
  Report b = example();
  b.max_quoted = 45;  // less than the message, more than its header
  EXPECT_EQ(report_text(b).content, golden("bounce_header_only.txt"));
}

// --- a reader that knows only the standards: RFC 2046 for the parts, RFC 3464 for the groups

struct Part {
  std::string header, body;
};

Part split(const std::string& text) {
  const std::size_t at = text.find("\n\n");
  return {text.substr(0, at + 1), text.substr(at + 2)};
}

std::vector<Part> parts_of(const std::string& message) {
  const Part whole = split(message);
  const std::size_t at = whole.header.find("boundary=\"") + 10;
  const std::string boundary = "\n--" + whole.header.substr(at, whole.header.find('"', at) - at);
  std::vector<Part> parts;
  const std::string body = "\n" + whole.body;
  std::size_t start = body.find(boundary);
  while (body.compare(start + boundary.size(), 2, "--") != 0) {
    start += boundary.size() + 1;
    const std::size_t end = body.find(boundary, start);
    parts.push_back(split(body.substr(start, end - start)));
    start = end;
  }
  return parts;
}

using Group = std::map<std::string, std::string>;
std::vector<Group> groups_of(const std::string& status) {
  std::vector<Group> groups(1);
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      groups.emplace_back();
      continue;
    }
    const std::size_t colon = line.find(": ");
    EXPECT_NE(colon, std::string::npos) << line;
    groups.back()[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return groups;
}

TEST(ReportText, IsADeliveryStatusNotification) {
  const Report b = example();
  const std::string text = report_text(b).content;
  EXPECT_THAT(text, HasSubstr("Content-Type: multipart/report; report-type=delivery-status;"));
  EXPECT_THAT(text, HasSubstr("\nAuto-Submitted: auto-replied\n"));
  const std::vector<Part> parts = parts_of(text);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_THAT(parts[1].header, HasSubstr("Content-Type: message/delivery-status\n"));
  EXPECT_THAT(parts[2].header, HasSubstr("Content-Type: message/rfc822\n"));
  EXPECT_EQ(parts[2].body, "Return-Path: <bob@client.test>\n" + std::string(b.original));

  const std::vector<Group> groups = groups_of(parts[1].body);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].at("Reporting-MTA"), "dns; mx.example.org");
  EXPECT_EQ(groups[1].at("Final-Recipient"), "rfc822; ann@example.org");
  EXPECT_EQ(groups[1].at("Action"), "failed");
  EXPECT_EQ(groups[1].at("Status"), "5.1.1");
  EXPECT_EQ(groups[2].at("Original-Recipient"), "rfc822;List@example.org");
  EXPECT_EQ(groups[2].at("Status"), "5.2.2");  // final, whatever it began as
}

// As a program written for qmail reads it: paragraphs, and a line with "-" that ends them.
TEST(ReportText, FirstPartIsQsbmf) {
  const std::string text = parts_of(report_text(example()).content)[0].body;
  ASSERT_EQ(text.rfind("Hi. This is the", 0), 0U);
  std::vector<std::string> paragraphs;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = text.find("\n\n", at);
    if (end == std::string::npos) end = text.size();
    paragraphs.push_back(text.substr(at, end - at));
    at = end + 2;
  }
  ASSERT_EQ(paragraphs.size(), 4U);
  EXPECT_EQ(paragraphs[1].substr(0, 19), "<ann@example.org>:\n");
  EXPECT_EQ(paragraphs[2].substr(0, 20), "<list@example.org>:\n");
  EXPECT_EQ(paragraphs[3][0], '-');
}

TEST(ReportText, EmptyLinesInReportsDoNotEndTheParagraph) {
  Report b = example();
  b.recipients = {{"a\nb@example.org", "", "one\n\ntwo\r\n\n\nthree\n"}};
  EXPECT_THAT(report_text(b).content, HasSubstr("<a_b@example.org>:\none\n/two\n/\nthree\n\n---"));
}

TEST(ReportText, HeadersCannotBeInjected) {
  Report b = example();
  b.to = "x@y\nBcc: victim@z";
  b.recipients[0].address = "a@b\nX-Evil: 1";
  b.recipients[0].text = "5.0.0 no\nX-Evil: 2";
  const std::string text = report_text(b).content;
  EXPECT_THAT(split(text).header, Not(HasSubstr("\nBcc:")));
  EXPECT_THAT(parts_of(text)[1].body, Not(HasSubstr("\nX-Evil")));
}

TEST(ReportText, TheOriginalCannotEndTheReport) {
  Report b = example();
  const std::string evil = "Subject: x\n\n--=_" + b.id.str() + "--\n\nmore\n";
  b.original = evil;
  b.original_bytes = evil.size();
  const std::vector<Part> parts = parts_of(report_text(b).content);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_THAT(parts[2].body, EndsWith("more\n"));
}

TEST(ReportText, EightBitIsDeclared) {
  Report b = example();
  EXPECT_FALSE(report_text(b).eight_bit);
  b.original = "Subject: gr\xc3\xbc\xc3\x9f\n\nx\n";
  b.original_bytes = b.original.size();
  const ReportText text = report_text(b);
  EXPECT_TRUE(text.eight_bit);
  EXPECT_THAT(split(text.content).header, HasSubstr("Content-Transfer-Encoding: 8bit\n"));
}

// A header without end is cut at a line, and whatever the original is the report is whole.
TEST(ReportText, LongHeadersAreCut) {
  Report b = example();
  std::string header;
  while (header.size() < 200'000) header += "X-Long: " + std::string(60, 'x') + "\n";
  b.original = header;
  b.original_bytes = 10'000'000;
  b.max_quoted = 0;
  const std::string text = report_text(b).content;
  EXPECT_LT(text.size(), kMaxQuotedHeader + 4096);
  EXPECT_EQ(parts_of(text).size(), 3U);
}

TEST(ReportText, UnreadableOriginalStillBounces) {
  Report b = example();
  b.original = "";
  b.original_bytes = 1234;
  EXPECT_EQ(parts_of(report_text(b).content).size(), 3U);
}

// --- whom it goes to

TEST(BounceRoute, ByTheSender) {
  struct Case {
    std::string_view sender, to, reverse_path;
    bool is_double;
  };
  const Case kCases[] = {
      {"bob@client.test", "bob@client.test", "", false},
      {"", "postmaster@here", "#@[]", true},                    // a bounce bounced
      {"#@[]", "", "", false},                                  // a double bounce bounced: nobody
      {"owner-list-@here-@[]", "owner-list-@here", "", false},  // VERP: one for the list owner
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.sender);
    const BounceRoute route = bounce_route(c.sender, "postmaster@here");
    EXPECT_EQ(route.to, c.to);
    EXPECT_EQ(route.sender, c.reverse_path);
    EXPECT_EQ(route.is_double, c.is_double);
  }
}

TEST(BounceStatus, FoundInFrontOrAsHcmssc) {
  struct Case {
    std::string_view text, status;
  };
  const Case kCases[] = {
      {"5.1.1 no such user", "5.1.1"}, {"4.2.2 full", "5.2.2"},
      {"Sorry. (#5.1.2)", "5.1.2"},    {"no code at all", "5.0.0"},
      {"3.1.1 odd class", "5.0.0"},    {"5.1 short", "5.0.0"},
      {"5.1234.1 too long", "5.0.0"},  {"", "5.0.0"},
      {"(#nonsense)", "5.0.0"},        {"5.7.25 two digits", "5.7.25"},
  };
  for (const Case& c : kCases) EXPECT_EQ(status_of(c.text), c.status) << c.text;
}

}  // namespace
}  // namespace toast::queue
