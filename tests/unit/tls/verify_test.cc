// Policy::verified: whose certificate is good enough for a password.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/tls/client.h"
#include "tests/unit/tls/tls_server.h"

namespace toast::tls {
namespace {

using testing::HasSubstr;

std::string take_output(Engine& from) { return std::exchange(from.output(), {}); }

// How the handshake ends: "" well, else the client's words.
std::string shake_hands(Client& client, TestServer& server, Policy policy, const Peer& peer) {
  Result<std::unique_ptr<Engine>> ours = client.begin(policy, peer);
  if (!ours) return ours.error().detail;
  const std::unique_ptr<Engine> theirs = server.begin();
  std::array<char, 100> block;
  std::string to_server;
  std::string to_client;
  Progress we = (*ours)->handshake({});
  Progress they = Progress::need_more;
  to_server = take_output(**ours);
  while (!to_server.empty() || !to_client.empty()) {
    if (they == Progress::need_more) they = theirs->handshake(std::exchange(to_server, {}));
    to_server.clear();
    to_client += take_output(*theirs);
    const std::string now = std::exchange(to_client, {});
    if (we == Progress::need_more)
      we = (*ours)->handshake(now);
    else if (we == Progress::done && !now.empty())
      (void)(*ours)->read(now, block);  // tickets
    to_server += take_output(**ours);
  }
  return we == Progress::done ? "" : (*ours)->failure();
}

class TlsVerify : public testing::Test {
 protected:
  std::string with(const Peer& peer) {
    return shake_hands(*client_, server_, Policy::verified, peer);
  }
  FakeClock clock_;
  TestServer server_;
  std::unique_ptr<Client> client_ = Client::make(clock_, server_.certificate()).value();
};

TEST_F(TlsVerify, TakesTheNameItWasToldToCall) {
  EXPECT_EQ(with({"mx1.test", "1"}), "");
  EXPECT_EQ(with({"a.wild.test", "2"}), "");
  EXPECT_EQ(with({"", "3", "192.0.2.1"}), "");
}

TEST_F(TlsVerify, RefusesAnotherName) {
  EXPECT_THAT(with({"mx2.test", "1"}), HasSubstr("hostname mismatch"));
  EXPECT_THAT(with({"a.b.wild.test", "2"}), HasSubstr("hostname mismatch"));
  EXPECT_THAT(with({"", "3", "192.0.2.2"}), HasSubstr("IP address mismatch"));
  EXPECT_THAT(with({"mx2.test", "4", "192.0.2.1"}), HasSubstr("hostname mismatch"));
  EXPECT_THAT(with({"", "5", ""}), HasSubstr("neither name nor address"));
}

TEST_F(TlsVerify, RefusesWhoNobodyVouchesFor) {
  TestServer other;
  EXPECT_THAT(shake_hands(*client_, other, Policy::verified, {"mx1.test", "1"}),
              HasSubstr("certificate verify failed"));
  EXPECT_EQ(shake_hands(*client_, other, Policy::opportunistic, {"mx1.test", "1"}), "");
}

TEST_F(TlsVerify, RefusesAnExpiredOne) {
  TestServer expired(-1);
  const auto client = Client::make(clock_, expired.certificate()).value();
  EXPECT_THAT(shake_hands(*client, expired, Policy::verified, {"mx1.test", "1"}),
              HasSubstr("expired"));
}

TEST_F(TlsVerify, TakesTheSecondOfSeveralAuthorities) {
  const TestServer other;
  client_ = Client::make(clock_, "words\n" + other.certificate() + server_.certificate()).value();
  EXPECT_EQ(with({"mx1.test", "1"}), "");
  EXPECT_EQ(with({"mx1.test", "2"}), "");
}

TEST_F(TlsVerify, SaysThatThereAreNoAuthorities) {
  for (const std::string text : {"", "no certificate in here"}) {
    client_ = Client::make(clock_, text).value();
    EXPECT_THAT(with({"mx1.test", "1"}), HasSubstr(kSystemAuthorities));
  }
}

// Else whoever was spoken to without a look at the certificate could resume as somebody verified.
TEST_F(TlsVerify, DoesNotResumeASessionThatWasNotVerified) {
  TestServer other;
  const Peer peer{"mx1.test", "the same"};
  EXPECT_EQ(shake_hands(*client_, other, Policy::opportunistic, peer), "");
  ASSERT_EQ(client_->sessions().size(), 1U);
  EXPECT_THAT(shake_hands(*client_, other, Policy::verified, peer),
              HasSubstr("certificate verify failed"));
}

}  // namespace
}  // namespace toast::tls
