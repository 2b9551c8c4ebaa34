#include "auth/bans.h"

#include <gtest/gtest.h>

namespace toast::auth {
namespace {

using std::chrono::hours;

Network network(std::string_view text) { return Network::parse(text).value(); }
IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

class BansTest : public testing::Test {
 protected:
  FakeClock clock_;
  Bans bans_;
  void ban(std::string_view text, std::optional<hours> time = {}) {
    Ban made{network(text), clock_.wall(), {}, "why not"};
    if (time) made.until = clock_.wall() + *time;
    EXPECT_TRUE(bans_.add(std::move(made), clock_.wall()));
  }
  bool banned(std::string_view text) const {
    return bans_.find(address(text), clock_.wall()) != nullptr;
  }
};

TEST_F(BansTest, HoldANetworkUntilTheirEnd) {
  ban("192.0.2.0/24", hours{1});
  ban("2001:db8::/32");
  EXPECT_TRUE(banned("192.0.2.7"));
  EXPECT_FALSE(banned("192.0.3.7"));
  EXPECT_TRUE(banned("2001:db8::7"));
  EXPECT_TRUE(banned("::ffff:192.0.2.7"));  // the same client on a dual-stack socket
  clock_.advance(hours{1});
  EXPECT_FALSE(banned("192.0.2.7"));
  EXPECT_TRUE(banned("2001:db8::7"));
  EXPECT_EQ(bans_.in_force(clock_.wall()).size(), 1U);
}

TEST_F(BansTest, TheOneThatEndsLastSpeaks) {
  ban("192.0.2.7", hours{1});
  ban("192.0.2.0/24", hours{5});
  ban("192.0.0.0/16", hours{2});
  EXPECT_EQ(bans_.find(address("192.0.2.7"), clock_.wall())->network, network("192.0.2.0/24"));
  ban("192.0.0.0/8");
  EXPECT_FALSE(bans_.find(address("192.0.2.7"), clock_.wall())->until);
}

TEST_F(BansTest, AgainIsInsteadOfTheFirst) {
  ban("192.0.2.7", hours{1});
  ban("192.0.2.7");
  EXPECT_EQ(bans_.in_force(clock_.wall()).size(), 1U);
  clock_.advance(hours{2});
  EXPECT_TRUE(banned("192.0.2.7"));
  EXPECT_TRUE(bans_.remove(network("192.0.2.7")));
  EXPECT_FALSE(bans_.remove(network("192.0.2.7")));
  EXPECT_FALSE(banned("192.0.2.7"));
}

TEST_F(BansTest, ComeBackFromTheirFile) {
  ban("192.0.2.0/24", hours{1});
  ban("2001:db8::/32");
  const Result<Bans> again = Bans::parse(bans_.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->in_force(clock_.wall()), bans_.in_force(clock_.wall()));
  EXPECT_TRUE(Bans::parse(""));
  for (const char* bad : {"192.0.2.0/24\n", "nonsense 1 2 -\n", "192.0.2.1/24 1 2 -\n", "\n"})
    EXPECT_FALSE(Bans::parse(bad)) << bad;
}

TEST_F(BansTest, HaveALimit) {
  for (std::size_t i = 0; i < kMaxBans; ++i)
    ban("10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".1", hours{1});
  const Ban one_more{network("192.0.2.1"), clock_.wall(), {}, {}};
  EXPECT_FALSE(bans_.add(one_more, clock_.wall()));
  clock_.advance(hours{1});  // those that are over make room
  EXPECT_TRUE(bans_.add(one_more, clock_.wall()));
}

TEST(WhyNotBan, ProtectsTheHostAndWhomTheOperatorTrusts) {
  const std::vector<Network> exempt{network("198.51.100.0/24"), network("2001:db8:1::/48")};
  const auto why = [&](const char* text) { return why_not_ban(network(text), exempt); };
  for (const char* bad :
       {"127.0.0.1", "127.3.0.0/16", "::1", "::/16", "198.51.100.7", "198.51.0.0/16",
        "2001:db8:1:2::/64", "2001:db8::/32", "0.0.0.0/0", "10.0.0.0/7"})
    EXPECT_NE(why(bad), "") << bad;
  for (const char* good : {"192.0.2.7", "192.0.0.0/8", "2001:db8:2::/48", "2002::/16"})
    EXPECT_EQ(why(good), "") << good;
}

}  // namespace
}  // namespace toast::auth
