#include "mta/message/received.h"

#include <gtest/gtest.h>

#include "mta/message/date.h"
#include "mta/message/headers.h"

namespace toast {
namespace {

const WallTime kTime{std::chrono::seconds{1'795'356'000}};

ReceivedTrace trace() {
  return {"client.example", "192.0.2.7", "mx.example.org", "ESMTP", "0123456789abc",
          std::nullopt,     kTime};
}

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    longest = std::max(longest, end);
    text.remove_prefix(end + 1);
  }
  return longest;
}

TEST(Date, Rfc5322) {
  EXPECT_EQ(format_date(kTime), "Sun, 22 Nov 2026 14:00:00 +0000");
  EXPECT_EQ(format_date(WallTime{std::chrono::microseconds{999'999}}),
            "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(format_date(WallTime{std::chrono::seconds{951'782'399}}),
            "Mon, 28 Feb 2000 23:59:59 +0000");
}

TEST(Received, ManyRecipients) {
  EXPECT_EQ(format_received(trace()),
            "Received: from client.example ([192.0.2.7]) by mx.example.org with ESMTP id\n"
            "  0123456789abc; Sun, 22 Nov 2026 14:00:00 +0000\n");
}

TEST(Received, OneRecipientIsNamed) {
  ReceivedTrace t = trace();
  t.only_recipient = *Address::parse("\"a b\"@example.org");
  EXPECT_EQ(format_received(t),
            "Received: from client.example ([192.0.2.7]) by mx.example.org with ESMTP id\n"
            "  0123456789abc for <\"a b\"@example.org>; Sun, 22 Nov 2026 14:00:00 +0000\n");
}

TEST(Received, Ipv6PeerIsTagged) {
  ReceivedTrace t = trace();
  t.peer = "2001:db8::7";
  EXPECT_NE(format_received(t).find("([IPv6:2001:db8::7])"), std::string::npos);
}

// What the client called itself is inside a structured field: it must not end it.
TEST(Received, HostileHelo) {
  const std::string_view hostile[] = {
      "x\nBcc: y",
      "x\r\n\r\nbody",
      ") by evil (",
      "x; Mon, 1 Jan",
      "<a@b>",
      "\"",
      "\xff\xfe",
      std::string_view("a\0b", 3),
      "",
  };
  for (std::string_view helo : hostile) {
    SCOPED_TRACE(helo);
    ReceivedTrace t = trace();
    t.helo = helo;
    const std::string field = format_received(t);
    HeaderScanner scanner(field);
    ASSERT_TRUE(scanner.next());
    EXPECT_EQ(scanner.body_offset(), field.size());  // one field and nothing else
    EXPECT_EQ(field.find_first_of("<>;\"\r"), field.find(';'));
    EXPECT_EQ(field.find(std::string_view("\0", 1)), std::string::npos);
  }
}

TEST(Received, FoldedBelow78WhereWordsAllowIt) {
  ReceivedTrace t = trace();
  t.helo = "a-rather-long-host-name-of-a-client.department.example";
  t.host = "another-rather-long-host-name.example.org";
  t.only_recipient = *Address::parse("a-long-local-part-of-a-recipient@some-long-domain.example");
  EXPECT_LT(longest_line(format_received(t)), 78U);
  const std::string endless(2000, 'a');
  t.helo = endless;
  EXPECT_LT(longest_line(format_received(t)), 998U);
}

}  // namespace
}  // namespace toast
