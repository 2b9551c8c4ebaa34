#include "mta/message/next_hop.h"

#include <gtest/gtest.h>

namespace toast {
namespace {

using Kind = NextHop::Kind;

struct NextHopCase {
  std::string_view text;
  Kind kind;
  std::string_view name;
  std::uint16_t port;
  std::string_view login = {};
};
// What str() writes, as it writes it.
const NextHopCase kCanonical[] = {
    {"example.org", Kind::mx, "example.org", 25},
    {"example.org:2525", Kind::mx, "example.org", 2525},
    {"192.0.2.1", Kind::mx, "192.0.2.1", 25},  // ann@192.0.2.1: a name, which no DNS has
    {"[192.0.2.1]:25", Kind::host, "192.0.2.1", 25},
    {"[2001:db8::1]:2525", Kind::host, "2001:db8::1", 2525},
    {"host:relay.test:25", Kind::host, "relay.test", 25},
    {"host:joe@relay.test:587", Kind::host, "relay.test", 587, "joe"},
    {"host:joe@example.org@relay.test:25", Kind::host, "relay.test", 25, "joe@example.org"},
    {"host:a:b@relay.test:25", Kind::host, "relay.test", 25, "a:b"},
    {"host:joe@[192.0.2.1]:587", Kind::host, "192.0.2.1", 587, "joe"},
    {"host:joe@[2001:db8::1]:587", Kind::host, "2001:db8::1", 587, "joe"},
    {"lmtp:host.test:24", Kind::lmtp, "host.test", 24},
    {"lmtp:[127.0.0.1]:24", Kind::lmtp, "127.0.0.1", 24},
    {"lmtp:[::1]:24", Kind::lmtp, "::1", 24},
    {"lmtp:/run/dovecot/lmtp", Kind::lmtp, "/run/dovecot/lmtp", 0},
    {"lmtp:/run/with:colon", Kind::lmtp, "/run/with:colon", 0},
    // domains called like our prefixes
    {"host", Kind::mx, "host", 25},
    {"lmtp", Kind::mx, "lmtp", 25},
    {"host:2525", Kind::mx, "host", 2525},
    {"lmtp:24", Kind::mx, "lmtp", 24},
    {"host:lmtp:24", Kind::host, "lmtp", 24},
};

TEST(NextHop, TextAndBack) {
  for (const NextHopCase& c : kCanonical) {
    SCOPED_TRACE(c.text);
    const Result<NextHop> hop = NextHop::parse(c.text);
    ASSERT_TRUE(hop) << hop.error().detail;
    EXPECT_EQ(*hop, (NextHop{c.kind, std::string(c.name), c.port, std::string(c.login)}));
    EXPECT_EQ(hop->str(), c.text);
    EXPECT_EQ(hop->is_socket(), c.port == 0);
  }
}

struct Other {
  std::string_view text, canonical;
};
const Other kOther[] = {
    {"Example.ORG:25", "example.org"},           {"host:RELAY.test:25", "host:relay.test:25"},
    {"host:192.0.2.1:25", "[192.0.2.1]:25"},     {"host:[2001:DB8:0::1]:25", "[2001:db8::1]:25"},
    {"[::ffff:192.0.2.1]:25", "[192.0.2.1]:25"},  // one peer, one name
};

TEST(NextHop, OtherSpellingsAreTheSameDestination) {
  for (const Other& c : kOther) {
    SCOPED_TRACE(c.text);
    const Result<NextHop> hop = NextHop::parse(c.text);
    ASSERT_TRUE(hop) << hop.error().detail;
    EXPECT_EQ(hop->str(), c.canonical);
  }
}

const std::string kLongName(250, 'a');
const std::string kLongPath = "lmtp:/" + std::string(kMaxLmtpSocketPath, 'p');
const std::string kTooLong(kMaxNextHop + 1, 'a');
const std::string kLongLogin = "host:" + std::string(kMaxLogin + 1, 'u') + "@relay.test:25";
const std::string_view kBadNextHops[] = {"",
                                         kLongLogin,
                                         "host:@relay.test:25",
                                         "host:joe smith@relay.test:25",
                                         "host:joe\x01@relay.test:25",
                                         "host:j\xc3\xb6@relay.test:25",
                                         "host:joe@relay.test",
                                         "host:joe@",
                                         "lmtp:joe@relay.test:24",
                                         "joe@relay.test:25",
                                         ":25",
                                         ":",
                                         "example.org:",
                                         "example.org:0",
                                         "example.org:65536",
                                         "example.org:25x",
                                         "example.org:-1",
                                         "example.org: 25",
                                         "a b.test",
                                         "example.org.",
                                         "[192.0.2.1]",
                                         "[192.0.2.1]:",
                                         "[192.0.2.1]:0",
                                         "[192.0.2.256]:25",
                                         "[]:25",
                                         "[:25",
                                         "[relay.test]:25",
                                         "[::1]x:25",
                                         "::1:25",
                                         "host:relay.test:",
                                         "host::25",
                                         "host:relay.test:x",
                                         "lmtp::24",
                                         "lmtp:relay.test:0",
                                         "lmtp:[::1]",
                                         std::string_view("example.org\0:25", 15),
                                         std::string_view("lmtp:/run/\0x", 12),
                                         "lmtp:/run/x\ny",
                                         kLongPath,
                                         kTooLong,
                                         kLongName};

TEST(NextHop, RefusesWhatItIsNot) {
  for (const std::string_view text : kBadNextHops) {
    const Result<NextHop> hop = NextHop::parse(text);
    ASSERT_FALSE(hop) << text;
    EXPECT_EQ(hop.error().failure, Failure::permanent) << text;
    EXPECT_FALSE(hop.error().detail.empty());
  }
}

TEST(NextHop, AnLmtpServerByItself) {
  for (const std::string_view server :
       {"/run/dovecot/lmtp", "host.test:24", "[127.0.0.1]:24", "[::1]:2400"}) {
    const Result<NextHop> hop = NextHop::parse_lmtp(server);
    ASSERT_TRUE(hop) << server;
    EXPECT_EQ(hop->str(), "lmtp:" + std::string(server));
    EXPECT_EQ(hop->lmtp_server(), server);
    EXPECT_EQ(*NextHop::parse(hop->str()), *hop);
  }
  for (const std::string_view text :
       {"", "24", "host.test", "lmtp:/run/dovecot/lmtp", "run/x", "[::1]"})
    EXPECT_FALSE(NextHop::parse_lmtp(text)) << text;
}

struct Recipient {
  std::string_view domain, hop;
};
const Recipient kRecipients[] = {
    {"example.org", "example.org"},
    {"[192.0.2.1]", "[192.0.2.1]:25"},
    {"[IPv6:2001:db8::1]", "[2001:db8::1]:25"},
    {"[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]:25"},
};

TEST(NextHop, OfARecipientsDomain) {
  for (const Recipient& c : kRecipients) {
    SCOPED_TRACE(c.domain);
    const NextHop hop = NextHop::of(*Domain::parse_name_or_literal(c.domain));
    EXPECT_EQ(hop.str(), c.hop);
    EXPECT_EQ(*NextHop::parse(hop.str()), hop);
  }
}

}  // namespace
}  // namespace toast
