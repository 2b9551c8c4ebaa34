#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "mta/remote/dns_host_finder.h"
#include "mta/remote/host_search.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/remote/fake_dns.h"

namespace toast::remote {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

OwnHost ourselves() {
  OwnHost own;
  own.names = {"MX.own.test", "helo.own.test"};
  own.addresses = {*IpAddress::parse("192.0.2.200"), *IpAddress::parse("2001:db8::200")};
  own.listeners = {*Endpoint::parse("0.0.0.0:25"), *Endpoint::parse("[::]:25")};
  return own;
}

// "mx1.test 192.0.2.1:25" for each candidate, or the error's status: "5.1.2".
struct Outcome {
  std::vector<std::string> lines;
  std::optional<Failure> failure;
  std::string reply;
};

class HostFinderTest : public ::testing::Test {
 protected:
  Outcome find(const std::string& hop, std::uint64_t seed = 1) {
    SeededRandom random(seed);
    DnsHostFinder finder(dns_, random, {.own = own_, .prefer_ipv6 = prefer_ipv6_});
    NextHop parsed = *NextHop::parse(hop);
    const auto found = run_task(io_, finder.find(std::move(parsed)));
    Outcome outcome;
    if (!found) {
      outcome.failure = found.error().failure;
      outcome.reply = found.error().reply;
      EXPECT_FALSE(found.error().detail.empty());
      return outcome;
    }
    EXPECT_THAT(*found, SizeIs(::testing::Le(kMaxCandidates)));
    EXPECT_FALSE(found->empty());
    for (const Candidate& c : *found) outcome.lines.push_back(c.host + " " + c.endpoint.str());
    return outcome;
  }
  void expect_failure(const std::string& hop, const std::string& status) {
    const Outcome got = find(hop);
    EXPECT_THAT(got.lines, SizeIs(0)) << hop;
    EXPECT_THAT(got.reply, StartsWith(status + " ")) << hop;
    const bool temporary = status.front() == '4';
    EXPECT_EQ(got.failure, temporary ? Failure::transient : Failure::permanent) << hop;
  }

  asio::io_context io_;
  FakeDns dns_;
  OwnHost own_ = ourselves();
  bool prefer_ipv6_ = false;
};

TEST_F(HostFinderTest, MxHostsByPreference) {
  dns_.add_mx("example.org", {{20, "mx2.test"}, {10, "mx1.test"}, {30, "mx3.test"}});
  dns_.add_host("mx1.test", {"192.0.2.1"});
  dns_.add_host("mx2.test", {"192.0.2.2"});
  dns_.add_host("mx3.test", {"192.0.2.3"});
  EXPECT_THAT(
      find("example.org").lines,
      ElementsAre("mx1.test 192.0.2.1:25", "mx2.test 192.0.2.2:25", "mx3.test 192.0.2.3:25"));
  EXPECT_THAT(find("example.org:2525").lines.front(), "mx1.test 192.0.2.1:2525");
}

TEST_F(HostFinderTest, EqualPreferencesAreShuffledAndOnlyThose) {
  dns_.add_mx("example.org", {{5, "best.test"}, {10, "a.test"}, {10, "b.test"}, {10, "c.test"}});
  dns_.add_host("best.test", {"192.0.2.9"});
  dns_.add_host("a.test", {"192.0.2.1"});
  dns_.add_host("b.test", {"192.0.2.2"});
  dns_.add_host("c.test", {"192.0.2.3"});
  std::set<std::vector<std::string>> orders;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Outcome got = find("example.org", seed);
    ASSERT_THAT(got.lines, SizeIs(4));
    EXPECT_EQ(got.lines.front(), "best.test 192.0.2.9:25");
    orders.insert(got.lines);
  }
  EXPECT_THAT(orders, SizeIs(6));
}

TEST_F(HostFinderTest, WithoutMxTheDomainItself) {
  dns_.add_without_mx("example.org");
  dns_.add_host("example.org", {"192.0.2.1", "2001:db8::1"});
  EXPECT_THAT(find("example.org").lines,
              ElementsAre("example.org 192.0.2.1:25", "example.org [2001:db8::1]:25"));
}

TEST_F(HostFinderTest, IPv6TakesTurnsWhereWeHaveIt) {
  dns_.add_mx("example.org", {{10, "mx.test"}});
  dns_.add_host("mx.test", {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2"});
  EXPECT_THAT(find("example.org").lines,
              ElementsAre("mx.test 192.0.2.1:25", "mx.test 192.0.2.2:25", "mx.test 192.0.2.3:25",
                          "mx.test [2001:db8::1]:25", "mx.test [2001:db8::2]:25"));
  prefer_ipv6_ = true;
  EXPECT_THAT(
      find("example.org").lines,
      ElementsAre("mx.test [2001:db8::1]:25", "mx.test 192.0.2.1:25", "mx.test [2001:db8::2]:25",
                  "mx.test 192.0.2.2:25", "mx.test 192.0.2.3:25"));
}

TEST_F(HostFinderTest, AFirstHostWithManyAddressesLeavesRoomForTheSecond) {
  std::vector<std::string> many;
  for (int i = 1; i <= 30; ++i) many.push_back("192.0.2." + std::to_string(i));
  dns_.add_mx("example.org", {{10, "mx1.test"}, {20, "mx2.test"}, {30, "mx3.test"}});
  dns_.add_host("mx1.test", many);
  dns_.add_host("mx2.test", {"198.51.100.1"});
  dns_.add_host("mx3.test", {"198.51.100.2"});
  const Outcome got = find("example.org");
  EXPECT_THAT(got.lines, SizeIs(6));
  EXPECT_EQ(got.lines[4], "mx2.test 198.51.100.1:25");
  EXPECT_EQ(got.lines[5], "mx3.test 198.51.100.2:25");
  dns_.add_mx("single.test", {{10, "mx1.test"}});
  EXPECT_THAT(find("single.test").lines, SizeIs(kMaxCandidates));
}

TEST_F(HostFinderTest, TheSameAddressIsTriedOnce) {
  dns_.add_mx("example.org", {{10, "mx1.test"}, {20, "mx2.test"}});
  dns_.add_host("mx1.test", {"192.0.2.1"});
  dns_.add_host("mx2.test", {"192.0.2.1", "192.0.2.2"});
  EXPECT_THAT(find("example.org").lines,
              ElementsAre("mx1.test 192.0.2.1:25", "mx2.test 192.0.2.2:25"));
}

// A definite no is permanent; not knowing never is, and never becomes another way to the domain.
TEST_F(HostFinderTest, WhatTheDnsDenies) {
  expect_failure("nowhere.test", "5.1.2");

  dns_.add_mx("null.test", {{0, ""}});  // RFC 7505
  expect_failure("null.test", "5.1.10");

  dns_.add_mx("not-null.test", {{0, ""}, {10, "mx.test"}});
  dns_.add_host("mx.test", {"192.0.2.1"});
  EXPECT_THAT(find("not-null.test").lines, ElementsAre("mx.test 192.0.2.1:25"));

  dns_.add_mx("null-and-junk.test", {{0, ""}}, 1);
  expect_failure("null-and-junk.test", "5.4.4");
  dns_.add_mx("junk.test", {}, 3);  // "m x.test", "mx\0.test": no host names
  dns_.add_host("junk.test", {"192.0.2.1"});
  expect_failure("junk.test", "5.4.4");  // there are MX records: its own address is not used

  dns_.add_without_mx("bare.test");
  dns_.add_host("bare.test", {});
  expect_failure("bare.test", "5.4.4");

  dns_.add_mx("dangling.test", {{10, "gone.test"}, {20, "also-gone.test"}});
  expect_failure("dangling.test", "5.4.4");
}

TEST_F(HostFinderTest, WhatTheDnsCannotTellNow) {
  dns_.fail("broken.test");
  dns_.add_host("broken.test", {"192.0.2.1"});
  expect_failure("broken.test", "4.4.3");

  EXPECT_THAT(find("broken.test").reply, HasSubstr("(MX of broken.test: SERVFAIL)"));

  dns_.add_mx("all.test", {{10, "down1.test"}, {20, "down2.test"}});
  dns_.fail("down1.test");
  dns_.fail("down2.test");
  expect_failure("all.test", "4.4.3");

  dns_.add_mx("rest-gone.test", {{10, "gone.test"}, {20, "down2.test"}});
  expect_failure("rest-gone.test", "4.4.3");

  dns_.add_mx("half.test", {{10, "down1.test"}, {20, "up.test"}});
  dns_.add_host("up.test", {"192.0.2.7"});
  EXPECT_THAT(find("half.test").lines, ElementsAre("up.test 192.0.2.7:25"));

  dns_.add_without_mx("implicit.test");
  dns_.fail("implicit.test");
  expect_failure("implicit.test", "4.4.3");
}

TEST_F(HostFinderTest, NothingAtOrBehindOurselves) {
  dns_.add_host("better.test", {"192.0.2.1"});
  dns_.add_host("equal.test", {"192.0.2.2"});
  dns_.add_host("worse.test", {"192.0.2.3"});
  dns_.add_host("us.test", {"198.51.100.1", "192.0.2.200"});
  dns_.add_host("us6.test", {"2001:db8::200"});
  dns_.add_host("loop.test", {"127.0.0.53"});
  dns_.add_host("any.test", {"0.0.0.0"});
  dns_.add_host("mx.own.test", {"203.0.113.1"});  // behind address translation: known by name only
  for (const char* us : {"us.test", "us6.test", "loop.test", "any.test", "mx.own.test"}) {
    SCOPED_TRACE(us);
    dns_.add_mx("backup.test",
                {{10, "better.test"}, {20, us}, {20, "equal.test"}, {30, "worse.test"}});
    EXPECT_THAT(find("backup.test").lines, ElementsAre("better.test 192.0.2.1:25"));
    dns_.add_mx("best.test", {{20, us}, {20, "equal.test"}, {30, "worse.test"}});
    expect_failure("best.test", "5.4.6");
    dns_.add_mx("gone.test", {{10, "missing.test"}, {20, us}});
    expect_failure("gone.test", us == std::string("mx.own.test") ? "5.4.4" : "5.4.6");
    dns_.fail("down.test");
    dns_.add_mx("down-first.test", {{10, "down.test"}, {20, us}, {30, "worse.test"}});
    expect_failure("down-first.test", "4.4.3");
    dns_.add_mx("down-last.test", {{20, us}, {30, "down.test"}});
    expect_failure("down-last.test", "5.4.6");
  }
  dns_.add_without_mx("us.test");
  expect_failure("us.test", "5.4.6");
  dns_.add_without_mx("mx.own.test");
  expect_failure("mx.own.test", "5.4.6");
}

// With five hosts of equal preference we are found in the second round of questions.
TEST_F(HostFinderTest, OurselvesAmongManyEquals) {
  std::vector<MxRecord> equals = {{10, "us.test"}};
  dns_.add_host("us.test", {"192.0.2.200"});
  for (int i = 1; i <= 7; ++i) {
    const std::string host = "mx" + std::to_string(i) + ".test";
    equals.push_back({10, host});
    dns_.add_host(host, {"192.0.2." + std::to_string(i), "198.51.100." + std::to_string(i)});
  }
  dns_.add_mx("example.org", equals);
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_THAT(find("example.org", seed).reply, StartsWith("5.4.6 "));
}

TEST_F(HostFinderTest, AnotherServerOnThisMachineIsAnotherHost) {
  own_.listeners = {*Endpoint::parse("127.0.0.1:2025")};
  dns_.add_mx("example.org", {{10, "sink.test"}});
  dns_.add_host("sink.test", {"127.0.0.1"});
  EXPECT_THAT(find("example.org").lines, ElementsAre("sink.test 127.0.0.1:25"));
  EXPECT_THAT(find("example.org:2025").reply, StartsWith("5.4.6 "));
}

TEST_F(HostFinderTest, NobodysAddresses) {
  dns_.add_mx("example.org", {{10, "mx.test"}});
  dns_.add_host("mx.test", {"224.0.0.1", "255.255.255.255", "0.1.2.3", "ff02::1"});
  expect_failure("example.org", "5.4.4");
}

TEST_F(HostFinderTest, AnMxThatIsAnAddressIsThatAddress) {
  dns_.add_mx("example.org", {{10, "192.0.2.77"}});
  EXPECT_THAT(find("example.org").lines, ElementsAre("192.0.2.77 192.0.2.77:25"));
}

TEST_F(HostFinderTest, ANamedHostIsTakenAsItIs) {
  dns_.add_mx("relay.test", {{10, "elsewhere.test"}});
  dns_.add_host("relay.test", {"192.0.2.200", "127.0.0.1"});  // ourselves: the administrator knows
  EXPECT_THAT(find("host:relay.test:25").lines,
              ElementsAre("relay.test 192.0.2.200:25", "relay.test 127.0.0.1:25"));
  EXPECT_THAT(find("lmtp:relay.test:24").lines,
              ElementsAre("relay.test 192.0.2.200:24", "relay.test 127.0.0.1:24"));
  EXPECT_THAT(find("[192.0.2.200]:25").lines, ElementsAre("192.0.2.200 192.0.2.200:25"));
  EXPECT_THAT(find("[::1]:2525").lines, ElementsAre("::1 [::1]:2525"));
  dns_.fail("down.test");
  expect_failure("host:down.test:25", "4.4.3");
  expect_failure("host:mistyped.test:25", "4.4.4");  // mail waits until the route is repaired
  expect_failure("lmtp:/run/lmtp", "5.3.5");
}

// Whoever writes 500 records makes us ask no more than anybody else.
TEST_F(HostFinderTest, HostileNumbersOfRecords) {
  std::vector<MxRecord> equal, rising, absent;
  for (int i = 0; i < 500; ++i) {
    const std::string host = "mx" + std::to_string(i) + ".test";
    equal.push_back({10, host});
    rising.push_back({static_cast<std::uint16_t>(i), host});
    absent.push_back({10, "absent" + std::to_string(i) + ".test"});
    dns_.add_host(host, {"192.0.2." + std::to_string(i % 250 + 1)});
  }
  dns_.add_mx("equal.test", equal);
  EXPECT_THAT(find("equal.test").lines, SizeIs(kMaxCandidates));
  EXPECT_EQ(dns_.questions, 1 + kMaxHostLookups);
  EXPECT_EQ(dns_.most_at_a_time, kHostsAtATime);
  dns_.questions = 0;
  dns_.add_mx("rising.test", rising);
  EXPECT_EQ(find("rising.test").lines.front(), "mx0.test 192.0.2.1:25");
  EXPECT_EQ(dns_.questions, 1 + kMaxCandidates);  // enough after two rounds
  dns_.questions = 0;
  dns_.add_mx("absent.test", absent);
  expect_failure("absent.test", "4.4.3");  // not all were looked at
  EXPECT_EQ(dns_.questions, 1 + kMaxHostLookups);
}

TEST(OwnHost, GlobalIPv6) {
  EXPECT_FALSE(has_global_ipv6({}));
  EXPECT_FALSE(has_global_ipv6({*IpAddress::parse("192.0.2.1"), *IpAddress::parse("::1"),
                                *IpAddress::parse("fe80::1"), *IpAddress::parse("fd00::1")}));
  EXPECT_TRUE(has_global_ipv6({*IpAddress::parse("fe80::1"), *IpAddress::parse("2001:db8::1")}));
}

TEST(OwnHost, TheLoopbackInterfaceIsListed) {
  EXPECT_THAT(interface_addresses(), ::testing::Contains(*IpAddress::parse("127.0.0.1")));
}

}  // namespace
}  // namespace toast::remote
