#include "base/connection_limits.h"

#include <gtest/gtest.h>

#include <vector>

namespace toast {
namespace {

using Refusal = ConnectionLimits::Refusal;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

TEST(ConnectionLimits, CountsAnIpv4AddressAndAnIpv6Network) {
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
    ConnectionLimits limits(10, 1);
    const auto first = limits.enter(address(c.first));
    ASSERT_TRUE(first);
    const auto second = limits.enter(address(c.second));
    EXPECT_EQ(!second, c.same_client) << c.first << " " << c.second;
    if (!second) EXPECT_EQ(second.error(), Refusal::client_full);
  }
}

TEST(ConnectionLimits, AClientMayHaveAsManyAsTheLimit) {
  ConnectionLimits limits(10, 2);
  const auto first = limits.enter(address("192.0.2.7"));
  {
    const auto second = limits.enter(address("192.0.2.7"));
    EXPECT_TRUE(second);
    EXPECT_FALSE(limits.enter(address("192.0.2.7")));
    EXPECT_TRUE(limits.enter(address("192.0.2.8")));
  }
  EXPECT_TRUE(limits.enter(address("192.0.2.7")));
}

TEST(ConnectionLimits, APlaceIsGivenBack) {
  ConnectionLimits limits(2, 1);
  {
    const auto place = limits.enter(address("192.0.2.7"));
    ASSERT_TRUE(place);
    EXPECT_EQ(limits.total(), 1U);
  }
  EXPECT_EQ(limits.total(), 0U);
  EXPECT_TRUE(limits.enter(address("192.0.2.7")));
}

TEST(ConnectionLimits, APlaceThatMovesIsOnePlace) {
  ConnectionLimits limits(2, 1);
  {
    auto place = limits.enter(address("192.0.2.7"));
    const ConnectionLimits::Place moved = std::move(*place);
    EXPECT_EQ(limits.total(), 1U);
  }
  EXPECT_EQ(limits.total(), 0U);
}

TEST(ConnectionLimits, APlaceMayOutliveTheLimits) {
  auto limits = std::make_unique<ConnectionLimits>(2, 1);
  const auto place = limits->enter(address("192.0.2.7"));
  limits.reset();
}

TEST(ConnectionLimits, TheExemptCountTowardsTheTotalOnly) {
  ConnectionLimits limits(3, 1);
  const auto first = limits.enter(address("192.0.2.7"), true);
  const auto second = limits.enter(address("192.0.2.7"), true);
  EXPECT_TRUE(second);
  EXPECT_EQ(limits.clients(), 0U);
  const auto third = limits.enter(address("192.0.2.7"));
  EXPECT_TRUE(third);
  EXPECT_EQ(limits.enter(address("192.0.2.7"), true).error(), Refusal::server_full);
}

TEST(ConnectionLimits, TheTotalHoldsForEverybody) {
  ConnectionLimits limits(1, 5);
  const auto place = limits.enter(address("127.0.0.1"));
  ASSERT_TRUE(place);
  const auto refused = limits.enter(address("192.0.2.7"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Refusal::server_full);
  limits.change(2, 5);
  EXPECT_TRUE(limits.enter(address("192.0.2.7")));
}

TEST(ConnectionLimits, ForgetsClientsWithoutConnections) {
  ConnectionLimits limits(10, 1);
  for (std::uint8_t i = 0; i < 200; ++i) {
    const IpAddress peer = IpAddress::v4({192, 0, 2, i});
    const auto place = limits.enter(peer);
    ASSERT_TRUE(place);
    ASSERT_FALSE(limits.enter(peer));
    ASSERT_EQ(limits.clients(), 1U);
  }
  limits.change(10, 0);
  EXPECT_FALSE(limits.enter(address("192.0.2.1")));
  EXPECT_EQ(limits.clients(), 0U);
  EXPECT_EQ(limits.total(), 0U);
}

TEST(ConnectionLimits, SharesAreRoundedUp) {
  EXPECT_EQ(share_of(100, 0), 100U);
  EXPECT_EQ(share_of(100, 3), 34U);
  EXPECT_EQ(share_of(1, 8), 1U);
  EXPECT_EQ(share_of(0, 8), 0U);
}

}  // namespace
}  // namespace toast
