#include "mta/smtp/reply.h"

#include <gtest/gtest.h>

namespace toast::smtp {
namespace {

std::string wire(const Reply& reply) {
  std::string out;
  append_reply(out, reply);
  return out;
}

TEST(Reply, OneLineAndMany) {
  EXPECT_EQ(wire({250, "2.0.0 ok"}), "250 2.0.0 ok\r\n");
  EXPECT_EQ(wire({250, ""}), "250 \r\n");
  EXPECT_EQ(wire({250, "mx.example\nSIZE 5\n8BITMIME"}),
            "250-mx.example\r\n250-SIZE 5\r\n250 8BITMIME\r\n");
}

// Texts come from keepers and from clients: none can begin a reply of its own.
TEST(Reply, HostileText) {
  EXPECT_EQ(wire({550, "5.1.1 a\rb\x01\xff"}), "550 5.1.1 a?b??\r\n");
  const std::string longest = wire({550, std::string(5000, 'x')});
  EXPECT_EQ(longest.size(), kMaxReplyLine);
  EXPECT_TRUE(longest.ends_with("x\r\n"));
}

TEST(Reply, ForErrors) {
  struct Case {
    Error error;
    int code;
    std::string_view text;
  };
  const Case cases[] = {
      {{Failure::transient, "4.3.1 queue is full", ""}, 451, "4.3.1 queue is full"},
      {{Failure::permanent, "5.7.1 spam", ""}, 554, "5.7.1 spam"},
      // a text whose class contradicts the kind of failure is not shown
      {{Failure::transient, "5.7.1 spam", ""}, 451, "4.3.0 try again later"},
      {{Failure::permanent, "4.3.0 later", ""}, 554, "5.3.0 refused"},
      {{Failure::transient, "", ""}, 451, "4.3.0 try again later"},
      {{Failure::transient, "sql error", ""}, 451, "4.3.0 try again later"},
  };
  for (const Case& c : cases) {
    const Reply reply = reply_for(c.error, 451, 554);
    EXPECT_EQ(reply.code, c.code);
    EXPECT_EQ(reply.text, c.text);
  }
}

}  // namespace
}  // namespace toast::smtp
