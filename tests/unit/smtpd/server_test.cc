// The server over real sockets: limits on connections, clients that neither read nor write,
// shutdown.
#include "mta/smtpd/server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fstream>

#include "tests/dialogue/runner.h"
#include "tests/dialogue/smtp/world.h"

namespace toast::smtpd {
namespace {

constexpr std::chrono::seconds kPatience{20};

class Client final : public dialogue::SocketPartner {
 public:
  Client(asio::io_context& io, unsigned short port) : SocketPartner(io) {
    auto socket = dialogue::connect_loopback(port);
    EXPECT_TRUE(socket);
    if (socket) set_socket(std::move(*socket));
  }
  Result<void> given(std::string_view) override { return {}; }
  Result<void> then(std::string_view) override { return {}; }
  Result<void> connect() override { return {}; }
  using SocketPartner::hang_up;
  std::string read_line() {
    while (received.find("\r\n") == std::string::npos && !server_closed && pump()) {
    }
    const std::size_t end = received.find("\r\n");
    if (end == std::string::npos) return server_closed ? "(closed)" : "(silent)";
    std::string line = received.substr(0, end);
    received.erase(0, end + 2);
    return line;
  }
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    options_->host = options_->greeting = "mx.example.org";
    options_->command_timeout = std::chrono::seconds{300};
  }
  ~ServerTest() override {
    if (!server_) return;
    spawn(io_.get_executor(), server_->drain());
    run_until([this] { return server_->connections() == 0; });
  }
  void start() {
    server_ = std::make_unique<Server>(io_.get_executor(), services_, options_);
    Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(::listen(socket.get(), 1024), 0);
    socklen_t size = sizeof name;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
    ASSERT_TRUE(server_->listen(std::move(socket)));
  }
  template <class Condition>
  bool run_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      io_.restart();
      io_.run_for(std::chrono::milliseconds{2});
    }
    return true;
  }

  asio::io_context io_;
  World world_;
  SystemClock clock_;
  MessageIdSource ids_{clock_, 0};
  Services services_{clock_,          world_.log,  world_.recipients, world_.queue,   ids_,
                     world_.counters, &world_.tls, &world_.auth,      &world_.senders};
  std::shared_ptr<Options> options_ = std::make_shared<Options>();
  std::unique_ptr<Server> server_;
  unsigned short port_ = 0;
};

TEST_F(ServerTest, TotalLimit) {
  options_->max_connections = 2;
  start();
  Client one(io_, port_);
  Client two(io_, port_);
  EXPECT_EQ(one.read_line(), "220 mx.example.org ESMTP");
  EXPECT_EQ(two.read_line(), "220 mx.example.org ESMTP");
  {
    Client three(io_, port_);
    EXPECT_EQ(three.read_line(), "421 4.3.2 too many connections, try again later");
    EXPECT_EQ(three.read_line(), "(closed)");
  }
  EXPECT_TRUE(world_.log.contains("smtp.session.refused"));
  one.hang_up();
  ASSERT_TRUE(run_until([this] { return server_->connections() == 1; }));
  Client four(io_, port_);
  EXPECT_EQ(four.read_line(), "220 mx.example.org ESMTP");
}

// Loopback is exempt from the limit per address.
TEST_F(ServerTest, LoopbackIsNotCounted) {
  options_->max_per_address = 1;
  start();
  Client one(io_, port_);
  Client two(io_, port_);
  EXPECT_EQ(one.read_line(), "220 mx.example.org ESMTP");
  EXPECT_EQ(two.read_line(), "220 mx.example.org ESMTP");
}

// A client that sends without end and reads nothing: we stop reading, so its memory with us is
// bounded, and the deadline ends it.
TEST_F(ServerTest, SlowReader) {
  options_->command_timeout = std::chrono::seconds{1};
  options_->max_noops = 100'000'000;
  start();
  Client client(io_, port_);
  EXPECT_EQ(client.read_line(), "220 mx.example.org ESMTP");
  std::string noops;
  for (int i = 0; i < 10'000; ++i) noops += "NOOP\r\n";
  auto socket = dialogue::connect_loopback(port_);
  ASSERT_TRUE(socket);
  // Until neither side takes any more, then until the server has given up.
  const bool closed = run_until([&] {
    (void)::send(socket->get(), noops.data(), noops.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return world_.log.contains("reason=timeout");
  });
  EXPECT_TRUE(closed);
}

// A server that stops tells idle clients and ends.
TEST_F(ServerTest, Drain) {
  start();
  Client client(io_, port_);
  EXPECT_EQ(client.read_line(), "220 mx.example.org ESMTP");
  spawn(io_.get_executor(), server_->drain());
  EXPECT_EQ(client.read_line(), "421 4.3.2 shutting down, try again in a moment");
  EXPECT_EQ(client.read_line(), "(closed)");
  EXPECT_TRUE(run_until([this] { return server_->connections() == 0; }));
}

// Out of descriptors: connections wait, and are served when there are some again.
TEST_F(ServerTest, OutOfDescriptors) {
  start();
  Client first(io_, port_);
  EXPECT_EQ(first.read_line(), "220 mx.example.org ESMTP");
  auto waiting = dialogue::connect_loopback(port_);
  ASSERT_TRUE(waiting);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool noticed = run_until([this] { return world_.log.contains("smtp.accept.failed"); });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(noticed);
  EXPECT_TRUE(run_until([this] { return server_->connections() == 2; }));
}

std::size_t private_kilobytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  while (file >> word) {
    if (word != "Private_Dirty:") continue;
    std::size_t kilobytes = 0;
    file >> kilobytes;
    return kilobytes;
  }
  return 0;
}

// Sanitizers keep memory of their own about each allocation.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kMaxKilobytesEach = 200;
#else
constexpr std::size_t kMaxKilobytesEach = 10;
#endif

// A thousand clients that say EHLO and then nothing.
TEST_F(ServerTest, IdleConnectionsAreCheap) {
  constexpr std::size_t kClients = 1000;
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  start();
  std::vector<Fd> clients;
  const std::size_t before = private_kilobytes();
  for (std::size_t i = 0; i < kClients; ++i) {
    auto socket = dialogue::connect_loopback(port_);
    ASSERT_TRUE(socket);
    ASSERT_GT(::send(socket->get(), "EHLO c\r\n", 8, 0), 0);
    clients.push_back(std::move(*socket));
    io_.restart();
    io_.poll();
  }
  ASSERT_TRUE(run_until([this] { return server_->connections() == kClients; }));
  io_.restart();
  io_.run_for(std::chrono::milliseconds{50});
  const std::size_t after = private_kilobytes();
  RecordProperty("kilobytes_each", static_cast<int>((after - before) / kClients));
  std::printf("%zu KB for each idle connection\n", (after - before) / kClients);
  EXPECT_LT((after - before) / kClients, kMaxKilobytesEach);
}

}  // namespace
}  // namespace toast::smtpd
