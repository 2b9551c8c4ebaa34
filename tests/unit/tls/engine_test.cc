// Handshakes between our client and a server, with no network between them: whole, in bytes, and
// spoilt at each place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/tls/client.h"
#include "tests/unit/tls/tls_server.h"

namespace toast::tls {
namespace {

constexpr int kTls11 = 0x0302;
constexpr int kTls12 = 0x0303;
const Peer kPeer{"mx1.test", "mx1.test[192.0.2.1]:25"};

std::string take(Engine& from) { return std::exchange(from.output(), {}); }

// What `to` reads of what `from` has for it, `piece` bytes at a time.
std::string carry(Engine& from, Engine& to, std::size_t piece = std::string::npos) {
  std::string sealed = take(from);
  std::string plain;
  std::array<char, 1000> block;
  while (true) {
    const std::string now = sealed.substr(0, piece);
    sealed.erase(0, now.size());
    auto n = to.read(now, block);
    for (; n && *n > 0; n = to.read({}, block)) plain.append(block.data(), *n);
    if (sealed.empty()) return plain;
  }
}

struct Pair {
  std::unique_ptr<Engine> client, server;
  Progress client_is = Progress::need_more, server_is = Progress::need_more;

  void shake_hands(std::size_t piece = std::string::npos) {
    std::string to_client, to_server;
    client_is = client->handshake({});
    to_server += take(*client);
    while (!to_client.empty() || !to_server.empty()) {
      step(*server, server_is, to_server, to_client, piece);
      step(*client, client_is, to_client, to_server, piece);
    }
  }
  static void step(Engine& engine, Progress& is, std::string& in, std::string& out,
                   std::size_t piece) {
    std::array<char, 100> block;
    const std::string now = in.substr(0, piece);
    in.erase(0, now.size());
    if (is == Progress::need_more && !now.empty())
      is = engine.handshake(now);
    else if (is == Progress::done && !now.empty())
      (void)engine.read(now, block);  // tickets
    out += take(engine);
  }
};

class TlsEngine : public testing::Test {
 protected:
  Pair connect(std::size_t piece = std::string::npos) {
    Pair pair{client_->begin(Policy::opportunistic, kPeer).value(), server_.begin()};
    pair.shake_hands(piece);
    return pair;
  }
  FakeClock clock_;
  std::unique_ptr<Client> client_ = Client::make(clock_, {}).value();
  TestServer server_;
};

TEST_F(TlsEngine, TalksInEachVersionAndPieceSize) {
  for (const int version : {kTls12, kTls12 + 1}) {
    server_.speak_only(version);
    for (const std::size_t piece : {std::string::npos, std::size_t{1}, std::size_t{7}}) {
      Pair pair = connect(piece);
      ASSERT_EQ(pair.client_is, Progress::done) << pair.client->failure();
      ASSERT_EQ(pair.server_is, Progress::done) << pair.server->failure();
      EXPECT_EQ(pair.client->protocol(), version == kTls12 ? "TLSv1.2" : "TLSv1.3");
      EXPECT_EQ(pair.client->cipher(), pair.server->cipher());
      EXPECT_EQ(server_.asked_for(), "mx1.test");
      ASSERT_TRUE(pair.client->seal("EHLO out.test\r\n"));
      EXPECT_THAT(pair.client->output(), testing::Not(testing::HasSubstr("EHLO")));
      EXPECT_EQ(carry(*pair.client, *pair.server, piece), "EHLO out.test\r\n");
      ASSERT_TRUE(pair.server->seal("250 ok\r\n"));
      EXPECT_EQ(carry(*pair.server, *pair.client, piece), "250 ok\r\n");
    }
  }
}

// RFC 9266: the same at both ends, another for each connection.
TEST_F(TlsEngine, TheChannelBindingIsOfThisConnection) {
  const Pair one = connect();
  const Pair two = connect();
  EXPECT_EQ(one.client->channel_binding().size(), kChannelBindingBytes);
  EXPECT_EQ(one.client->channel_binding(), one.server->channel_binding());
  EXPECT_EQ(two.client->channel_binding(), two.server->channel_binding());
  EXPECT_NE(one.client->channel_binding(), two.client->channel_binding());
}

TEST_F(TlsEngine, OldVersionsAreRefused) {
  server_.speak_only(kTls11);
  const Pair pair = connect();
  EXPECT_EQ(pair.client_is, Progress::failed);
  EXPECT_EQ(pair.server_is, Progress::failed);
  EXPECT_EQ(pair.server->failure(), "unsupported protocol");
  EXPECT_THAT(pair.client->failure(), testing::HasSubstr("protocol version"));
}

TEST_F(TlsEngine, WithoutANameNoneIsAskedFor) {
  Pair pair{client_->begin(Policy::opportunistic, {"", "192.0.2.1"}).value(), server_.begin()};
  pair.shake_hands();
  EXPECT_EQ(pair.client_is, Progress::done);
  EXPECT_EQ(server_.asked_for(), "");
}

// Much at a time, and more than the reader's block takes.
TEST_F(TlsEngine, KeepsWhatDoesNotFit) {
  Pair pair = connect();
  std::string text;
  for (int i = 0; i < 9; ++i) {
    const std::string part(kMaxRecord, static_cast<char>('a' + i));
    ASSERT_TRUE(pair.server->seal(part));
    text += part;
  }
  EXPECT_EQ(carry(*pair.server, *pair.client), text);
}

TEST_F(TlsEngine, EveryFlippedByteOfTheHandshakeFails) {
  const std::size_t hello = [&] {
    auto client = client_->begin(Policy::opportunistic, kPeer).value();
    (void)client->handshake({});
    return client->output().size();
  }();
  for (std::size_t at = 0; at < hello; at += 5) {
    Pair pair{client_->begin(Policy::opportunistic, kPeer).value(), server_.begin()};
    (void)pair.client->handshake({});
    pair.client->output()[at] ^= 0x20;
    const Progress server = pair.server->handshake(take(*pair.client));
    // Whoever notices: never are both done, and nobody waits without having been told something.
    Progress client = Progress::need_more;
    if (!pair.server->output().empty()) client = pair.client->handshake(take(*pair.server));
    EXPECT_FALSE(client == Progress::done && server == Progress::done) << at;
  }
}

TEST_F(TlsEngine, GarbageInsteadOfTls) {
  for (const std::string_view garbage : {"250 ok\r\n250 ok\r\n", "\x16\x03\x01\xff\xff garbage"}) {
    auto client = client_->begin(Policy::opportunistic, kPeer).value();
    EXPECT_EQ(client->handshake({}), Progress::need_more);
    EXPECT_EQ(client->handshake(garbage), Progress::failed) << garbage;
    EXPECT_NE(client->failure(), "");
    EXPECT_FALSE(client->seal("x"));
  }
}

TEST_F(TlsEngine, ChangedRecordsEndTheConnection) {
  Pair pair = connect();
  ASSERT_TRUE(pair.server->seal("250 ok\r\n"));
  pair.server->output().back() ^= 1;
  std::array<char, 100> block;
  EXPECT_FALSE(pair.client->read(take(*pair.server), block));
  EXPECT_FALSE(pair.client->seal("more"));
}

TEST_F(TlsEngine, TheEndComesAfterWhatWasSaid) {
  Pair pair = connect();
  ASSERT_TRUE(pair.server->seal("221 bye\r\n"));
  pair.server->close();
  std::array<char, 100> block;
  auto said = pair.client->read(take(*pair.server), block);
  ASSERT_TRUE(said);
  EXPECT_EQ(std::string_view(block.data(), *said), "221 bye\r\n");
  EXPECT_FALSE(pair.client->read({}, block));
}

TEST_F(TlsEngine, SessionsAreResumed) {
  for (const int version : {kTls12, kTls12 + 1}) {
    server_.speak_only(version);
    clock_.advance(kSessionLife);  // not that of the version before
    EXPECT_FALSE(connect().client->resumed());
    EXPECT_TRUE(connect().client->resumed());
    Pair other{client_->begin(Policy::opportunistic, {"mx1.test", "elsewhere"}).value(),
               server_.begin()};
    other.shake_hands();
    EXPECT_FALSE(other.client->resumed());
    clock_.advance(kSessionLife);
    EXPECT_FALSE(connect().client->resumed());
  }
}

// A server that has forgotten its keys, or is another one at the same address.
TEST_F(TlsEngine, SessionsThatAreNotKnownAnyMoreDoNoHarm) {
  (void)connect();
  TestServer other;
  Pair pair{client_->begin(Policy::opportunistic, kPeer).value(), other.begin()};
  pair.shake_hands();
  EXPECT_EQ(pair.client_is, Progress::done);
  EXPECT_FALSE(pair.client->resumed());
}

TEST_F(TlsEngine, AFailedHandshakeForgetsTheSession) {
  (void)connect();
  EXPECT_EQ(client_->sessions().size(), 1U);
  auto client = client_->begin(Policy::opportunistic, kPeer).value();
  (void)client->handshake({});
  EXPECT_EQ(client->handshake("no TLS here, no TLS here"), Progress::failed);
  EXPECT_EQ(client_->sessions().size(), 0U);
}

TEST(TlsSessions, AreBounded) {
  FakeClock clock;
  Sessions sessions(clock);
  for (std::size_t i = 0; i < kMaxSessions + 3; ++i) {
    sessions.put(std::to_string(i), nullptr);
    clock.advance(std::chrono::seconds{1});
  }
  EXPECT_EQ(sessions.size(), kMaxSessions);
}

}  // namespace
}  // namespace toast::tls
