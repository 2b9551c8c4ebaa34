// TLS over sockets: a client and a server of ours with a relay between them that passes single
// bytes, or closes after any number of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/generic/stream_protocol.hpp>

#include "base/fd.h"
#include "base/tls/client.h"
#include "mta/smtp/tls_wire.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/tls/tls_server.h"

namespace toast::smtp {
namespace {

using Socket = asio::generic::stream_protocol::socket;

Socket adopt(asio::io_context& io, Fd fd) {
  Socket socket(io);
  socket.assign(asio::generic::stream_protocol(AF_UNIX, SOCK_STREAM), fd.release());
  socket.non_blocking(true);
  return socket;
}

// Passes at most `budget` bytes in both directions together, each alone if `bytewise`.
struct Relay {
  Relay(asio::io_context& io, Fd a, Fd b)
      : left(adopt(io, std::move(a))), right(adopt(io, std::move(b))) {}
  Socket left, right;
  std::size_t budget = SIZE_MAX;
  std::size_t passed = 0;
  bool bytewise = false;
};

void close(Relay& relay) {
  asio::error_code ignored;
  relay.left.close(ignored);
  relay.right.close(ignored);
}

Task<> pass_on(std::shared_ptr<Relay> relay, bool to_right) {
  Socket& from = to_right ? relay->left : relay->right;
  Socket& to = to_right ? relay->right : relay->left;
  std::array<char, 4096> block;
  while (true) {
    auto [failed, n] = co_await from.async_receive(
        asio::buffer(block.data(), relay->bytewise ? 1 : block.size()), no_throw);
    if (failed) break;
    const std::size_t allowed = std::min(n, relay->budget - relay->passed);
    for (std::size_t sent = 0; sent < allowed;) {
      auto [broken, m] =
          co_await to.async_send(asio::buffer(block.data() + sent, allowed - sent), no_throw);
      if (broken) co_return close(*relay);
      sent += m;
    }
    relay->passed += allowed;
    if (relay->passed == relay->budget) break;
  }
  close(*relay);
}

std::unique_ptr<TlsWire> tls_over(asio::io_context& io, Fd socket,
                                  std::unique_ptr<tls::Engine> engine, SteadyTime deadline) {
  auto lower = std::make_unique<SocketWire>(adopt(io, std::move(socket)),
                                            std::make_shared<ReadBlock>(), deadline);
  return std::make_unique<TlsWire>(std::move(lower), std::move(engine),
                                   std::make_shared<ReadBlock>());
}

// Answers each line with itself, in brackets, until the other side ends.
Task<> echo(std::unique_ptr<TlsWire> wire) {
  Result<void> shaken = co_await wire->handshake();
  std::string line;
  while (shaken) {
    auto bytes = co_await wire->read(false);
    if (!bytes) co_return;
    line.append(*bytes);
    if (!line.ends_with('\n')) continue;
    std::string answer = "<" + std::exchange(line, {}) + ">";
    while (!answer.empty()) {
      if (!wire->write_some(answer)) co_return;
      if (answer.empty()) break;
      auto ready = co_await wire->writable();
      if (!ready) co_return;
    }
  }
}

// "" when all went well, else what failed.
Task<std::string> converse(std::unique_ptr<TlsWire> wire, std::size_t size) {
  Result<void> shaken = co_await wire->handshake();
  if (!shaken) co_return "handshake: " + shaken.error().detail;
  std::string line(size, 'x');
  line += "\n";
  const std::string expected = "<" + line + ">";
  std::string got;
  while (!line.empty()) {
    if (!wire->write_some(line)) co_return std::string("write");
    if (line.empty()) break;
    auto ready = co_await wire->writable();
    if (!ready) co_return std::string("writable");
  }
  while (got.size() < expected.size()) {
    auto bytes = co_await wire->read(false);
    if (!bytes) co_return std::string("read");
    got.append(*bytes);
  }
  auto more = wire->read_now();
  if (!more || !more->empty()) co_return std::string("something follows");
  co_return got == expected ? "" : "other text";
}

class TlsWireTest : public testing::Test {
 protected:
  struct Ends {
    std::unique_ptr<TlsWire> client;
    std::shared_ptr<Relay> relay;
  };
  Ends connect(bool bytewise, std::size_t budget) {
    SocketPair left = make_socket_pair().value();
    SocketPair right = make_socket_pair().value();
    auto relay = std::make_shared<Relay>(io_, std::move(left.right), std::move(right.left));
    relay->bytewise = bytewise;
    relay->budget = budget;
    spawn(io_.get_executor(), pass_on(relay, true));
    spawn(io_.get_executor(), pass_on(relay, false));
    auto server = tls_over(io_, std::move(right.right), server_.begin(), SteadyTime::max());
    spawn(io_.get_executor(), echo(std::move(server)));
    auto engine =
        client_->begin(tls::Policy::opportunistic, {"mx1.test", std::to_string(++connections_)})
            .value();
    return {tls_over(io_, std::move(left.left), std::move(engine), SteadyTime::max()), relay};
  }
  std::string converse_over(Ends ends, std::size_t size = 100) {
    auto task = converse(std::move(ends.client), size);
    return run_task(io_, std::move(task));
  }
  FakeClock clock_;
  asio::io_context io_;
  int connections_ = 0;  // none resumes another's session
  std::unique_ptr<tls::Client> client_ = tls::Client::make(clock_, {}).value();
  tls::TestServer server_;
};

TEST_F(TlsWireTest, WholeAndByteByByte) {
  EXPECT_EQ(converse_over(connect(false, SIZE_MAX)), "");
  EXPECT_EQ(converse_over(connect(true, SIZE_MAX)), "");
}

// More than sockets hold, so that writing waits in the middle of records.
TEST_F(TlsWireTest, LargeTexts) {
  EXPECT_EQ(converse_over(connect(false, SIZE_MAX), 3'000'000), "");
}

// Somebody between closes after so many bytes: an end, never a wait and never success.
TEST_F(TlsWireTest, ClosedAtEachStep) {
  Ends whole = connect(false, SIZE_MAX);
  const std::shared_ptr<Relay> relay = whole.relay;
  EXPECT_EQ(converse_over(std::move(whole)), "");
  const std::size_t total = relay->passed;
  ASSERT_GT(total, 1000U);
  for (std::size_t budget = 1; budget + 100 < total; budget += 13) {  // the echo is longer
    SCOPED_TRACE(budget);
    EXPECT_NE(converse_over(connect(budget % 2 == 0, budget)), "");
  }
}

TEST_F(TlsWireTest, SilenceEndsAtTheDeadline) {
  SocketPair pair = make_socket_pair().value();
  auto engine = client_->begin(tls::Policy::opportunistic, {"mx1.test", "mx1.test"}).value();
  auto wire =
      tls_over(io_, std::move(pair.left), std::move(engine), std::chrono::steady_clock::now());
  EXPECT_EQ(converse_over({std::move(wire), nullptr}),
            "handshake: no end of the handshake in time");
}

std::size_t send_output(const Fd& socket, tls::Engine& engine) {
  const std::string bytes = std::exchange(engine.output(), {});
  return ::send(socket.get(), bytes.data(), bytes.size(), 0) > 0 ? bytes.size() : 0;
}

// Tickets arrive behind the handshake: they are nothing that the host has said.
TEST_F(TlsWireTest, TicketsAreNotInput) {
  SocketPair pair = make_socket_pair().value();
  auto server = server_.begin();
  auto engine = client_->begin(tls::Policy::opportunistic, {"mx1.test", "mx1.test"}).value();
  auto wire = tls_over(io_, std::move(pair.left), std::move(engine), SteadyTime::max());
  std::array<char, 65536> block;
  Started<Result<void>> shaken(io_, wire->handshake());
  std::size_t sent_last = 0;
  for (tls::Progress is = tls::Progress::need_more; is == tls::Progress::need_more;) {
    run_ready(io_);
    const ssize_t n = ::recv(pair.right.get(), block.data(), block.size(), MSG_DONTWAIT);
    ASSERT_GT(n, 0);
    is = server->handshake({block.data(), static_cast<std::size_t>(n)});
    sent_last = send_output(pair.right, *server);
  }
  ASSERT_TRUE(shaken.ready());
  ASSERT_TRUE(shaken.value());
  ASSERT_GT(sent_last, 0U) << "no tickets";
  auto now = wire->read_now();
  ASSERT_TRUE(now);
  EXPECT_EQ(*now, "");
  ASSERT_TRUE(server->seal("421 bye\r\n"));
  send_output(pair.right, *server);
  now = wire->read_now();
  ASSERT_TRUE(now);
  EXPECT_EQ(*now, "421 bye\r\n");
}

}  // namespace
}  // namespace toast::smtp
