#include "mta/smtpd/connection_counter.h"

#include <gtest/gtest.h>

namespace toast::smtpd {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(ConnectionCounter, PerIpv4AddressAndPerIpv6Network) {
  ConnectionCounter counter;
  EXPECT_EQ(counter.enter(ip("192.0.2.1"), true, 10, 2), Admission::admitted);
  EXPECT_EQ(counter.enter(ip("192.0.2.1"), true, 10, 2), Admission::admitted);
  EXPECT_EQ(counter.enter(ip("192.0.2.1"), true, 10, 2), Admission::too_many_from_peer);
  EXPECT_EQ(counter.enter(ip("192.0.2.2"), true, 10, 2), Admission::admitted);
  // one customer has a whole /64
  EXPECT_EQ(counter.enter(ip("2001:db8::1"), true, 10, 2), Admission::admitted);
  EXPECT_EQ(counter.enter(ip("2001:db8::ffff:2"), true, 10, 2), Admission::admitted);
  EXPECT_EQ(counter.enter(ip("2001:db8::3"), true, 10, 2), Admission::too_many_from_peer);
  EXPECT_EQ(counter.enter(ip("2001:db8:0:1::3"), true, 10, 2), Admission::admitted);
  // an IPv4 address in IPv6 clothes is the IPv4 address
  EXPECT_EQ(counter.enter(ip("::ffff:192.0.2.1"), true, 10, 2), Admission::too_many_from_peer);
  counter.leave(ip("192.0.2.1"), true);
  EXPECT_EQ(counter.enter(ip("192.0.2.1"), true, 10, 2), Admission::admitted);
}

TEST(ConnectionCounter, TotalHoldsForAll) {
  ConnectionCounter counter;
  EXPECT_EQ(counter.enter(ip("127.0.0.1"), false, 2, 1), Admission::admitted);
  EXPECT_EQ(counter.enter(ip("127.0.0.1"), false, 2, 1), Admission::admitted);
  EXPECT_EQ(counter.enter(ip("127.0.0.1"), false, 2, 1), Admission::too_many);
  EXPECT_EQ(counter.enter(ip("192.0.2.1"), true, 2, 1), Admission::too_many);
  counter.leave(ip("127.0.0.1"), false);
  EXPECT_EQ(counter.total(), 1U);
}

TEST(ConnectionCounter, ForgetsPeersWithoutConnections) {
  ConnectionCounter counter;
  for (std::uint8_t i = 0; i < 200; ++i) {
    const IpAddress peer = IpAddress::v4({192, 0, 2, i});
    ASSERT_EQ(counter.enter(peer, true, 10, 1), Admission::admitted);
    ASSERT_EQ(counter.enter(peer, true, 10, 1), Admission::too_many_from_peer);
    counter.leave(peer, true);
  }
  EXPECT_EQ(counter.enter(ip("192.0.2.1"), true, 10, 0), Admission::too_many_from_peer);
  EXPECT_EQ(counter.peers(), 0U);
  EXPECT_EQ(counter.total(), 0U);
}

}  // namespace
}  // namespace toast::smtpd
