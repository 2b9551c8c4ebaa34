// Addresses, networks and endpoints: what is read, what it prints as, and who is the same peer.
#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace toast {
namespace {

struct Good {
  std::string_view text, printed;
};
const Good kAddresses[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"0.0.0.0", "0.0.0.0"},
    {"::", "::"},
    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},  // RFC 5952
    {"::ffff:192.0.2.1", "192.0.2.1"},        // mapped: the IPv4 peer
};
const std::string_view kBadAddresses[] = {
    "",           "192.0.2", "192.0.2.256",
    "192.0.2.1 ", "[::1]",   "fe80::1%eth0",
    "1:2",        "host",    std::string_view("192.0.2.1\0", 10),
};

TEST(IpAddress, Parses) {
  for (const Good& c : kAddresses) {
    Result<IpAddress> got = IpAddress::parse(c.text);
    ASSERT_TRUE(got) << c.text;
    EXPECT_EQ(got->str(), c.printed);
  }
  for (const std::string_view text : kBadAddresses) EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(IpAddress, AccountingTakesAWholeV6Subnet) {
  const auto account = [](std::string_view text) {
    return accounting_address(*IpAddress::parse(text)).str();
  };
  EXPECT_EQ(account("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(account("2001:db8:1:2:aaaa::1"), "2001:db8:1:2::");
  EXPECT_EQ(account("2001:db8:1:2:bbbb::2"), "2001:db8:1:2::");
  EXPECT_NE(account("2001:db8:1:3::1"), account("2001:db8:1:2::1"));
}

TEST(IpAddress, Loopback) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(IpAddress::parse(text)->is_loopback()) << text;
  for (const char* text : {"128.0.0.1", "::", "::2", "1::1"})
    EXPECT_FALSE(IpAddress::parse(text)->is_loopback()) << text;
}

struct Inside {
  std::string_view network, address;
  bool inside;
};
const Inside kInside[] = {
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.7", "192.0.2.7", true},  // one address
    {"192.0.2.7", "192.0.2.8", false},
    {"0.0.0.0/0", "203.0.113.1", true},
    {"0.0.0.0/0", "::1", false},  // families do not mix
    {"::/0", "192.0.2.1", false},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"192.0.2.0/24", "::ffff:192.0.2.9", true},  // a peer on a dual-stack socket
};

TEST(Network, Contains) {
  for (const Inside& c : kInside) {
    Result<Network> network = Network::parse(c.network);
    ASSERT_TRUE(network) << c.network;
    EXPECT_EQ(network->contains(*IpAddress::parse(c.address)), c.inside)
        << c.network << " " << c.address;
  }
}

TEST(Network, RefusesWhatMeansMoreThanItShows) {
  for (const char* text : {"10.0.0.1/8", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "::1/64",
                           "2001:db8::/129", "10.0.0.0/8x", "/8"})
    EXPECT_FALSE(Network::parse(text)) << text;
  EXPECT_EQ(Network::parse("10.0.0.1/8").error().detail,
            "\"10.0.0.1/8\" has bits after its prefix; write 10.0.0.0/8");
}

TEST(Endpoint, RoundTrip) {
  for (const char* text : {"127.0.0.1:25", "0.0.0.0:0", "[::]:25", "[2001:db8::1]:65535"}) {
    Result<Endpoint> endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->str(), text);
  }
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:25",
                           "[127.0.0.1]:25", "[::1]", "[::1]:", "[::1:25", "*:25", "127.0.0.1:+1"})
    EXPECT_FALSE(Endpoint::parse(text)) << text;
}

}  // namespace
}  // namespace toast
