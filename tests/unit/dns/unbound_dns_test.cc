// The resolver against a real name server on loopback, good, silent, gone and lying.
#include "base/dns/unbound_dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "base/fd.h"
#include "base/gather.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/dns/name_server.h"

namespace toast::dns {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string many_mx(int count) {
  std::string records;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    records += "huge MX " + n + " a-rather-long-name-for-a-mail-host-number-" + n + ".mail.test.\n";
  }
  return records;
}

std::vector<Zone> zones() {
  return {
      {"mail.test",
       "@ MX 20 mx2\n@ MX 10 MX1\n"
       "mx1 A 127.0.0.1\nmx1 AAAA ::1\nmx2 A 127.0.0.2\n"
       "null MX 0 .\n"
       "odd MX 1 m\\032x\nodd MX 2 m\\000x\nodd MX 3 a\\.b\nodd MX 4 mx1\n"
       "alias CNAME @\n"
       "broken-alias CNAME missing\n"
       "loop1 CNAME loop2\nloop2 CNAME loop1\n"
       "only6 AAAA 2001:db8::1\n" +
           many_mx(800)},
      {"signed.test", "@ MX 10 mx\nmx A 127.0.0.1\nbad A 127.0.0.7\n", true, "127.0.0.7",
       "127.0.0.8"},
  };
}

// Takes questions and never answers.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_.get(), generic, size) != 0 ||
        ::getsockname(socket_.get(), generic, &size) != 0)
      throw std::runtime_error("no port for a silent server");
    port_ = ntohs(address.sin_port);
  }
  Endpoint endpoint() const { return {IpAddress::v4({127, 0, 0, 1}), port_}; }

 private:
  Fd socket_;
  std::uint16_t port_ = 0;
};

class RecordingLogger final : public Logger {
 public:
  void write(Severity, std::string_view event, std::initializer_list<Field>) override {
    events.emplace_back(event);
  }
  std::vector<std::string> events;
};

class UnboundDnsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new NameServer(zones()); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  UnboundDns& open(UnboundOptions options) {
    dns_.reset();
    Result<std::unique_ptr<UnboundDns>> opened =
        UnboundDns::open(io_.get_executor(), std::move(options), log_);
    if (!opened) throw std::runtime_error(opened.error().detail);
    dns_ = std::move(*opened);
    return *dns_;
  }
  UnboundDns& open_plain() { return open({.servers = {server_->endpoint()}, .trust_anchors = {}}); }
  Result<MxAnswer> mx(const std::string& name) { return run_task(io_, dns_->mx(name)); }
  Result<AddressAnswer> addresses(const std::string& host) {
    return run_task(io_, dns_->addresses(host));
  }

  static NameServer* server_;
  asio::io_context io_{1};
  RecordingLogger log_;
  std::unique_ptr<UnboundDns> dns_;
};
NameServer* UnboundDnsTest::server_ = nullptr;

TEST_F(UnboundDnsTest, WhatIsThere) {
  open_plain();
  const Result<MxAnswer> mail = mx("mail.test");
  ASSERT_TRUE(mail) << mail.error().detail;
  EXPECT_THAT(mail->records,
              ElementsAre(MxRecord{10, "mx1.mail.test"}, MxRecord{20, "mx2.mail.test"}));
  EXPECT_FALSE(mail->secure);
  EXPECT_EQ(mx("alias.mail.test")->records, mail->records);
  EXPECT_EQ(mx("MAIL.Test.")->records, mail->records);
  EXPECT_THAT(mx("null.mail.test")->records, ElementsAre(MxRecord{0, ""}));
  const Result<AddressAnswer> both = addresses("mx1.mail.test");
  ASSERT_TRUE(both) << both.error().detail;
  EXPECT_THAT(both->v4, ElementsAre(*IpAddress::parse("127.0.0.1")));
  EXPECT_THAT(both->v6, ElementsAre(*IpAddress::parse("::1")));
  EXPECT_THAT(addresses("only6.mail.test")->v6, SizeIs(1));
  EXPECT_THAT(log_.events, ElementsAre("dns.validation.off"));
}

TEST_F(UnboundDnsTest, WhatIsNotThere) {
  open_plain();
  EXPECT_EQ(mx("missing.mail.test")->status, DnsStatus::no_name);
  EXPECT_EQ(addresses("missing.mail.test")->status, DnsStatus::no_name);
  EXPECT_EQ(mx("mx1.mail.test")->status, DnsStatus::no_data);
  EXPECT_EQ(addresses("null.mail.test")->status, DnsStatus::no_data);
  EXPECT_EQ(mx("broken-alias.mail.test")->status, DnsStatus::no_name);
  for (const std::string name : {"", ".", "a b.test", "a..test", "[192.0.2.1]"})
    EXPECT_EQ(mx(name)->status, DnsStatus::no_name) << name;
}

// Names that are none do not get further; loops end; an answer too large for UDP comes over TCP
// and only its best part is used.
TEST_F(UnboundDnsTest, Lies) {
  open_plain();
  const Result<MxAnswer> odd = mx("odd.mail.test");
  ASSERT_TRUE(odd);
  EXPECT_THAT(odd->records, ElementsAre(MxRecord{4, "mx1.mail.test"}));
  EXPECT_EQ(odd->dropped, 3U);
  for (const char* name : {"loop1.mail.test", "loop2.mail.test"}) {
    const Result<MxAnswer> loop = mx(name);
    ASSERT_FALSE(loop);
    EXPECT_EQ(loop.error().failure, Failure::transient);
    EXPECT_FALSE(addresses(name));
  }
  const Result<MxAnswer> huge = mx("huge.mail.test");
  ASSERT_TRUE(huge) << huge.error().detail;
  EXPECT_EQ(huge->records.size(), kMaxMxRecords);
  EXPECT_EQ(huge->dropped, 800 - kMaxMxRecords);
  EXPECT_EQ(huge->records.back().preference, kMaxMxRecords - 1);
}

// The server has no such zone and refuses: that is no proof that the name does not exist.
TEST_F(UnboundDnsTest, RefusedIsTemporary) {
  open_plain();
  const Result<MxAnswer> answer = mx("elsewhere.test");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::transient);
  EXPECT_THAT(answer.error().detail, HasSubstr("MX of elsewhere.test"));
  EXPECT_THAT(answer.error().reply, ::testing::StartsWith("4.4.3 "));
}

TEST_F(UnboundDnsTest, ManyQuestionsAtATime) {
  UnboundDns& dns = open_plain();
  std::vector<Task<Result<AddressAnswer>>> questions;
  for (int i = 0; i < 3000; ++i)
    questions.push_back(dns.addresses("x" + std::to_string(i) + ".mail.test"));
  const auto answers = run_task(io_, gather(std::move(questions)));
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->status, DnsStatus::no_name);
  }
}

TEST_F(UnboundDnsTest, ASilentServerIsGivenUpAtTheDeadline) {
  const SilentServer silent;
  open({.servers = {silent.endpoint()},
        .trust_anchors = {},
        .question_deadline = milliseconds(200)});
  const auto begin = std::chrono::steady_clock::now();
  const Result<MxAnswer> answer = mx("mail.test");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::transient);
  EXPECT_THAT(answer.error().detail, HasSubstr("no answer in 200 ms"));
}

TEST_F(UnboundDnsTest, ADeadServerAndItsReturn) {
  NameServer server(zones());
  open({.servers = {server.endpoint()},
        .trust_anchors = {},
        .question_deadline = milliseconds(1000)});
  server.stop();
  const Result<MxAnswer> dead = mx("mail.test");
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().failure, Failure::transient);
  server.start();
  // A failure is remembered for some seconds, not for minutes.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  bool back = false;
  while (!back && std::chrono::steady_clock::now() < deadline)
    back = addresses("mx1.mail.test").has_value();
  EXPECT_TRUE(back);
}

TEST_F(UnboundDnsTest, ClosedWhileQuestionsWait) {
  UnboundDns& dns = open({.servers = {{IpAddress::v4({127, 0, 0, 1}), 9}}, .trust_anchors = {}});
  Started<Result<MxAnswer>> waiting(io_, dns.mx("mail.test"));
  run_ready(io_);
  dns_.reset();
  while (!waiting.ready()) io_.run_one();
  ASSERT_FALSE(waiting.value());
  EXPECT_EQ(waiting.value().error().failure, Failure::transient);
}

// A question that begins only after the end; validation was on, so there is one resolver left.
TEST_F(UnboundDnsTest, ClosedBeforeAQuestionBegins) {
  UnboundDns& dns =
      open({.servers = {server_->endpoint()}, .trust_anchors = {server_->anchor("signed.test")}});
  ASSERT_TRUE(mx("signed.test"));
  Started<Result<AddressAnswer>> waiting(io_, dns.addresses("mx.signed.test"));
  dns_.reset();
  while (!waiting.ready()) io_.run_one();
  EXPECT_FALSE(waiting.value());
}

TEST_F(UnboundDnsTest, OneServerOfTwoIsEnough) {
  const SilentServer silent;
  open({.servers = {silent.endpoint(), server_->endpoint()}, .trust_anchors = {}});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(addresses("x" + std::to_string(i) + ".mail.test"));
}

// --- validation

TEST_F(UnboundDnsTest, SignedAnswersAreMarkedAndForgedOnesAreNotUsed) {
  open({.servers = {server_->endpoint()}, .trust_anchors = {server_->anchor("signed.test")}});
  const Result<MxAnswer> mail = mx("signed.test");
  ASSERT_TRUE(mail) << mail.error().detail;
  EXPECT_TRUE(mail->secure);
  EXPECT_TRUE(addresses("mx.signed.test")->secure);
  EXPECT_TRUE(mx("missing.signed.test")->secure);  // proven absence
  EXPECT_EQ(mx("missing.signed.test")->status, DnsStatus::no_name);
  EXPECT_FALSE(mx("mail.test")->secure);
  const Result<AddressAnswer> forged = addresses("bad.signed.test");
  ASSERT_FALSE(forged);
  EXPECT_EQ(forged.error().failure, Failure::transient);
  EXPECT_THAT(forged.error().detail, HasSubstr("DNSSEC"));
  EXPECT_THAT(log_.events, SizeIs(0));
}

// A resolver without DNSSEC, or one for our own zones only: to a validator everything it says is
// forged. Mail goes on, nothing is marked secure, and the log says so once.
TEST_F(UnboundDnsTest, WhereValidationCannotWorkItIsOff) {
  const std::vector<std::string> root = read_system_dns().trust_anchors;
  ASSERT_THAT(root, ::testing::Not(SizeIs(0)));
  open({.servers = {server_->endpoint()}, .trust_anchors = root});
  const Result<MxAnswer> mail = mx("mail.test");
  ASSERT_TRUE(mail) << mail.error().detail;
  EXPECT_THAT(mail->records, SizeIs(2));
  EXPECT_FALSE(mx("signed.test")->secure);
  EXPECT_TRUE(addresses("bad.signed.test"));
  EXPECT_THAT(log_.events, ElementsAre("dns.validation.off"));
}

TEST_F(UnboundDnsTest, ValidationComesOnWhenItBeginsToWork) {
  NameServer server(zones());
  server.stop();
  open({.servers = {server.endpoint()},
        .trust_anchors = {server.anchor("signed.test")},
        .question_deadline = milliseconds(500),
        .probe_deadline = milliseconds(500),
        .probe_interval = milliseconds(50)});
  EXPECT_FALSE(mx("signed.test"));
  EXPECT_THAT(log_.events, ElementsAre("dns.validation.off"));
  server.start();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (log_.events.size() < 2 && std::chrono::steady_clock::now() < deadline) io_.run_one();
  EXPECT_THAT(log_.events, ElementsAre("dns.validation.off", "dns.validation.on"));
  EXPECT_FALSE(addresses("bad.signed.test"));
}

TEST(SystemDns, ResolvConfAndRootKey) {
  const std::string folder = ::testing::TempDir() + "system-dns-" + std::to_string(::getpid());
  ASSERT_TRUE(
      replace_file(folder + ".conf",
                   "# nameserver 192.0.2.9\nsearch example.test\n nameserver\t192.0.2.1 \n"
                   "nameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameservers 192.0.2.8\n"
                   "nameserver\nnameserver 192.0.2.2\nnameserver 192.0.2.3",
                   0600));
  ASSERT_TRUE(replace_file(folder + ".key", "; comment\n\n. IN DS 1 8 2 AA\n", 0600));
  const SystemDns system = read_system_dns(folder + ".conf", folder + ".key");
  EXPECT_THAT(system.servers,
              ElementsAre(*Endpoint::parse("192.0.2.1:53"), *Endpoint::parse("[2001:db8::1]:53"),
                          *Endpoint::parse("192.0.2.2:53")));
  EXPECT_THAT(system.trust_anchors, ElementsAre(". IN DS 1 8 2 AA"));
  ::unlink((folder + ".conf").c_str());
  ::unlink((folder + ".key").c_str());
  EXPECT_THAT(read_system_dns(folder + ".conf", folder + ".key").servers, SizeIs(0));
}

}  // namespace
}  // namespace toast::dns
