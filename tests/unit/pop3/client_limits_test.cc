#include "pop3d/client_limits.h"

#include <gtest/gtest.h>

namespace toast::pop3 {
namespace {

using Refusal = ClientLimits::Refusal;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

TEST(ClientLimits, CountsAnIpv4AddressAndAnIpv6Network) {
  struct Case {
    const char *first, *second;
    bool same_client;
  };
  const Case cases[] = {
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.8", false},
      {"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", true},  // one /64
      {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
      {"::ffff:192.0.2.7", "192.0.2.7", true},  // the same peer on a dual-stack socket
      {"127.0.0.1", "127.0.0.1", false},        // loopback is not limited
      {"::1", "::1", false},
  };
  for (const Case& c : cases) {
    ClientLimits limits(10, 1);
    const auto first = limits.enter(address(c.first));
    ASSERT_TRUE(first);
    const auto second = limits.enter(address(c.second));
    EXPECT_EQ(!second, c.same_client) << c.first << " " << c.second;
    if (!second) EXPECT_EQ(second.error(), Refusal::client_full);
  }
}

TEST(ClientLimits, APlaceIsGivenBack) {
  ClientLimits limits(2, 1);
  {
    const auto place = limits.enter(address("192.0.2.7"));
    ASSERT_TRUE(place);
    EXPECT_FALSE(limits.enter(address("192.0.2.7")));
    EXPECT_EQ(limits.total(), 1U);
  }
  EXPECT_EQ(limits.total(), 0U);
  EXPECT_TRUE(limits.enter(address("192.0.2.7")));
}

TEST(ClientLimits, TheTotalHoldsForEverybody) {
  ClientLimits limits(1, 5);
  auto place = limits.enter(address("127.0.0.1"));
  ASSERT_TRUE(place);
  const auto refused = limits.enter(address("192.0.2.7"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Refusal::server_full);
  limits.change(2, 5);
  EXPECT_TRUE(limits.enter(address("192.0.2.7")));
}

}  // namespace
}  // namespace toast::pop3
