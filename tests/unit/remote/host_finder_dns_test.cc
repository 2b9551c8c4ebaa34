// From a domain to addresses with everything real: a name server, the resolver, the finder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/dns/unbound_dns.h"
#include "base/gather.h"
#include "mta/remote/dns_host_finder.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/dns/name_server.h"

namespace toast::remote {
namespace {

using ::testing::StartsWith;
using Found = Result<std::vector<Candidate>>;

constexpr int kDomains = 1000;

std::string name_of(const char* what, int number) { return what + std::to_string(number); }

// d0.mail.test ... each with two hosts of its own, and some of what else there is.
std::vector<Zone> zones() {
  std::string records =
      "null MX 0 .\n"
      "bare A 127.0.0.1\n"
      "empty TXT \"no mail, no address\"\n"
      "loop CNAME loop\n"
      "alias CNAME d7\n"
      "mx-alias MX 10 mx-cname\nmx-cname CNAME a3\n"
      "ours MX 10 ours-host\nours-host A 127.0.0.9\n";
  for (int i = 0; i < kDomains; ++i) {
    const std::string n = std::to_string(i);
    records += "d" + n + " MX 10 a" + n + "\nd" + n + " MX 20 b" + n + "\n";
    records += "a" + n + " A 127.0.1." + std::to_string(i % 250 + 1) + "\n";
    records += "b" + n + " AAAA 2001:db8::" + std::to_string(i % 250 + 1) + "\n";
  }
  return {{"mail.test", records}};
}

class HostFinderDnsTest : public ::testing::Test {
 protected:
  HostFinderDnsTest() : server_(zones()) {
    auto opened = dns::UnboundDns::open(
        io_.get_executor(), {.servers = {server_.endpoint()}, .trust_anchors = {}}, log_);
    if (!opened) throw std::runtime_error(opened.error().detail);
    dns_ = std::move(*opened);
    OwnHost own{.names = {"mx.own.test"}, .addresses = {}, .listeners = {}};
    own.listeners.push_back(*Endpoint::parse("127.0.0.9:25"));
    finder_ = std::make_unique<DnsHostFinder>(*dns_, random_,
                                              DnsHostFinder::Options{.own = std::move(own)});
  }
  Task<Found> find(const std::string& hop) { return finder_->find(*NextHop::parse(hop)); }
  std::string outcome(const std::string& hop) {
    const Found found = run_task(io_, find(hop));
    if (!found) return found.error().reply;
    std::string text;
    for (const Candidate& c : *found) text += c.host + "=" + c.endpoint.str() + " ";
    return text;
  }

  NameServer server_;
  asio::io_context io_{1};
  SilentLogger log_;
  SeededRandom random_{1};
  std::unique_ptr<Dns> dns_;
  std::unique_ptr<DnsHostFinder> finder_;
};

TEST_F(HostFinderDnsTest, WhatADomainCanBe) {
  EXPECT_EQ(outcome("d7.mail.test"), "a7.mail.test=127.0.1.8:25 b7.mail.test=[2001:db8::8]:25 ");
  EXPECT_EQ(outcome("alias.mail.test"), outcome("d7.mail.test"));
  EXPECT_EQ(outcome("mx-alias.mail.test"), "mx-cname.mail.test=127.0.1.4:25 ");
  EXPECT_EQ(outcome("bare.mail.test"), "bare.mail.test=127.0.0.1:25 ");
  EXPECT_EQ(outcome("host:a7.mail.test:2525"), "a7.mail.test=127.0.1.8:2525 ");
  EXPECT_THAT(outcome("missing.mail.test"), StartsWith("5.1.2 "));
  EXPECT_THAT(outcome("null.mail.test"), StartsWith("5.1.10 "));
  EXPECT_THAT(outcome("empty.mail.test"), StartsWith("5.4.4 "));
  EXPECT_THAT(outcome("ours.mail.test"), StartsWith("5.4.6 "));
  EXPECT_THAT(outcome("loop.mail.test"), StartsWith("4.4.3 "));
  EXPECT_THAT(outcome("refused.test"), StartsWith("4.4.3 "));
}

TEST_F(HostFinderDnsTest, AThousandDomainsAtATime) {
  std::vector<Task<Found>> searches;
  for (int i = 0; i < kDomains; ++i) searches.push_back(find(name_of("d", i) + ".mail.test"));
  const std::vector<Found> all = run_task(io_, gather(std::move(searches)));
  for (int i = 0; i < kDomains; ++i) {
    const Found& found = all[static_cast<std::size_t>(i)];
    ASSERT_TRUE(found) << found.error().detail;
    ASSERT_EQ(found->size(), 2U);
    EXPECT_EQ(found->front().host, name_of("a", i) + ".mail.test");
  }
}

}  // namespace
}  // namespace toast::remote
