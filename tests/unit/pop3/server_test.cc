// The server over real sockets: what golden dialogues cannot show.
#include "pop3d/server.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "base/random.h"
#include "tests/unit/pop3/fakes.h"
#include "tests/unit/pop3/loopback.h"

namespace toast::pop3 {
namespace {

class Pop3Server : public ::testing::Test {
 protected:
  Pop3Server() {
    logins_.passwords["ann"] = "secret";
    options_.host_name = "h";
  }
  void start() {
    Loopback loopback = listen_on_loopback().value();
    port_ = loopback.port;
    server_ =
        std::make_unique<Server>(io_.get_executor(), options_,
                                 Services{logins_, maildrops_, pause_, log_, counters_}, random_);
    server_->listen(std::move(loopback.listener));
  }
  Fd connect(int receive_buffer = 0) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0)
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    return socket;
  }
  // Lets the server work until `done`; false after a patience no healthy server needs.
  template <class Done>
  bool run_until(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      io_.restart();
      io_.run_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  void send(const Fd& socket, std::string_view bytes) {
    EXPECT_TRUE(write_all(socket, bytes, "client"));
  }
  // Reads on until the text ends so, or the server closes.
  std::string read_until(const Fd& socket, std::string_view end) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      char block[65536];
      const ssize_t n = ::recv(socket.get(), block, sizeof block, 0);
      if (n > 0) got.append(block, static_cast<std::size_t>(n));
      return n == 0 || got.ends_with(end);
    })) << "got "
        << got.size() << " bytes";
    return got;
  }
  void log_in(const Fd& socket) {
    send(socket, "USER ann\r\nPASS secret\r\n");
    read_until(socket, " octets)\r\n");
  }

  asio::io_context io_;
  FakeLogins logins_;
  FakeMail mail_;
  FakeMaildrops maildrops_{mail_};
  FakePause pause_;
  SilentLogger log_;
  SeededRandom random_{1};
  Metrics metrics_;
  Counters counters_{metrics_};
  Options options_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(Pop3Server, ARefusedConnectionIsToldWhy) {
  options_.max_connections = 1;
  start();
  const Fd first = connect();
  EXPECT_EQ(read_until(first, "\r\n"), "+OK h POP3 ready\r\n");
  const Fd second = connect();
  EXPECT_EQ(read_until(second, "never"),
            "-ERR [SYS/TEMP] too many connections, try again later\r\n");
  send(first, "QUIT\r\n");
  EXPECT_EQ(read_until(first, "never"), "+OK bye\r\n");
  EXPECT_EQ(counters_.sessions_refused.value(), 1U);
  const Fd third = connect();
  EXPECT_EQ(read_until(third, "\r\n"), "+OK h POP3 ready\r\n");
}

TEST_F(Pop3Server, ALargeMessageArrivesWhole) {
  std::string content = "Subject: big\n\n";
  while (content.size() < 30'000'000) content.append("0123456789012345678901234567890123456789\n");
  mail_.messages = {{"big", content}};
  start();
  const Fd client = connect();
  log_in(client);
  send(client, "RETR 1\r\n");
  const std::string got = read_until(client, "\r\n.\r\n");
  WireEncoder encoder;
  std::string expected = "+OK " + std::to_string(wire_octets(content)) + " octets\r\n";
  encoder.feed(content, expected);
  encoder.finish(expected);
  EXPECT_TRUE(got == expected) << got.size() << " bytes, not " << expected.size();
}

// Its peers are served meanwhile, and it is cut off when it takes nothing for the idle time.
TEST_F(Pop3Server, AReaderThatStopsReading) {
  options_.times.idle = std::chrono::milliseconds(300);
  mail_.messages = {{"big", std::string(30'000'000, 'x')}};
  start();
  const Fd stuck = connect(4096);
  log_in(stuck);
  send(stuck, "RETR 1\r\n");
  const Fd other = connect();
  log_in(other);
  send(other, "STAT\r\nQUIT\r\n");
  EXPECT_EQ(read_until(other, "never"), "+OK 1 30000002\r\n+OK bye\r\n");
  EXPECT_TRUE(run_until([&] { return server_->connections() == 0; }));
}

TEST_F(Pop3Server, PipelinedRepliesShareOneSegment) {
  start();
  const Fd client = connect();
  read_until(client, "\r\n");
  log_in(client);
  send(client, "NOOP\r\nSTAT\r\nNOOP\r\nUIDL\r\nLIST\r\n");
  pollfd readable{client.get(), POLLIN, 0};
  ASSERT_TRUE(run_until([&] { return ::poll(&readable, 1, 0) == 1; }));
  char block[4096];
  const ssize_t n = ::recv(client.get(), block, sizeof block, 0);
  EXPECT_EQ(std::string(block, static_cast<std::size_t>(std::max<ssize_t>(n, 0))),
            "+OK\r\n+OK 0 0\r\n+OK\r\n+OK unique-id listing follows\r\n.\r\n"
            "+OK 0 messages (0 octets)\r\n.\r\n");
}

TEST_F(Pop3Server, DrainClosesIdleConnectionsAndFinishesTheOthers) {
  mail_.messages = {{"big", std::string(3'000'000, 'x')}};
  start();
  const Fd idle = connect();
  read_until(idle, "\r\n");
  const Fd busy = connect(4096);
  log_in(busy);
  send(busy, "RETR 1\r\n");
  // It has begun: the greeting of the reply is there.
  std::string got;
  ASSERT_TRUE(run_until([&] {
    char block[64];
    const ssize_t n = ::recv(busy.get(), block, sizeof block, 0);
    if (n > 0) got.append(block, static_cast<std::size_t>(n));
    return !got.empty();
  }));
  bool drained = false;
  asio::co_spawn(io_, server_->drain(std::chrono::seconds(20)),
                 [&drained](std::exception_ptr) { drained = true; });
  EXPECT_EQ(read_until(idle, "never"), "");
  EXPECT_FALSE(drained);
  got += read_until(busy, "never");
  EXPECT_TRUE(got.ends_with("x\r\n.\r\n"));
  EXPECT_TRUE(run_until([&] { return drained; }));
}

TEST_F(Pop3Server, DestroyedWithOpenConnections) {
  start();
  const Fd client = connect();
  read_until(client, "\r\n");
  server_.reset();
  io_.restart();
  io_.poll();
}

}  // namespace
}  // namespace toast::pop3
