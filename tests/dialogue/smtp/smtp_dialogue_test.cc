// Plays every dialogue of this folder twice: against the session in memory, with what the client
// sends cut into blocks of several sizes, and against the server over a real socket.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "mta/smtpd/server.h"
#include "mta/smtpd/session.h"
#include "tests/dialogue/runner.h"
#include "tests/dialogue/smtp/fake_wire.h"
#include "tests/dialogue/smtp/world.h"

namespace toast::smtpd {
namespace {

using dialogue::Script;

const std::string kFolder = std::string(TOAST_SOURCE_DIR) + "/tests/dialogue/smtp";
constexpr std::size_t kLargeScript = 200'000;  // bytes sent: byte by byte would take too long

bool is_last_line(std::string_view line) { return line.size() < 4 || line[3] != '-'; }

std::shared_ptr<Options> default_options() {
  auto options = std::make_shared<Options>();
  options->host = "mx.example.org";
  options->greeting = "mx.example.org";
  return options;
}

// The wall clock stands still, so that dates can be compared; deadlines are real.
class SocketClock final : public Clock {
 public:
  explicit SocketClock(const Clock& wall) : wall_(wall) {}
  WallTime wall() const override { return wall_.wall(); }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }

 private:
  const Clock& wall_;
};

class MemoryPartner final : public dialogue::Partner {
 public:
  explicit MemoryPartner(std::size_t block) : block_(block) {}
  ~MemoryPartner() override {
    if (wire_) wire_->client_closes();
    run();
  }
  MemoryPartner(const MemoryPartner&) = delete;
  MemoryPartner& operator=(const MemoryPartner&) = delete;

  Result<void> given(std::string_view text) override {
    auto words = dialogue::split_words(text);
    if (!words) return pass(words);
    if ((*words)[0] == "client" && wire_) {
      wire_->client_stops_reading((*words)[1] == "stops-reading");
      return {};
    }
    if ((*words)[0] == "server" && wire_) {
      wire_->server_stops();
      return {};
    }
    return world_.given(*words, *options_, peer_);
  }
  Result<void> then(std::string_view text) override {
    run();
    auto words = dialogue::split_words(text);
    if (!words) return pass(words);
    if ((*words)[0] == "writes" && wire_->writes != std::stoul((*words)[1]))
      return permanent("there were " + std::to_string(wire_->writes));
    if ((*words)[0] == "writes") return {};
    return world_.then(*words);
  }
  Result<void> connect() override {
    wire_ = std::make_unique<FakeWire>(io_.get_executor(), world_.clock, block_);
    auto peer = IpAddress::parse(peer_);
    if (!peer) return pass(peer);
    session_ = std::make_unique<Session>(options_, services_, *peer,
                                         std::make_unique<BorrowedWire>(*wire_), world_.port);
    spawn(io_.get_executor(), serve());
    return {};
  }
  void send(std::string_view bytes) override { wire_->client_sends(bytes); }
  void close_sending() override { wire_->client_closes(); }
  bool pump() override {
    run();
    const bool news = !wire_->said.empty() || (ended_ && !server_closed);
    received += wire_->said;
    wire_->said.clear();
    server_closed = ended_;
    return news;
  }
  void wait(std::chrono::milliseconds time) override {
    run();
    world_.clock.advance(time);
    wire_->time_has_passed();
  }

 private:
  Task<> serve() {
    co_await session_->run();
    ended_ = true;
  }
  void run() {
    io_.restart();
    io_.poll();
  }

  std::size_t block_;
  asio::io_context io_;
  World world_;
  MessageIdSource ids_{world_.clock, 0};
  Services services_{world_.clock,    world_.log,  world_.recipients, world_.queue,   ids_,
                     world_.counters, &world_.tls, &world_.auth,      &world_.senders};
  std::shared_ptr<Options> options_ = default_options();
  std::string peer_ = "127.0.0.1";
  std::unique_ptr<FakeWire> wire_;
  std::unique_ptr<Session> session_;
  bool ended_ = false;
};

class LivePartner final : public dialogue::SocketPartner {
 public:
  explicit LivePartner(asio::io_context& io) : SocketPartner(io), live_io_(io) {}
  ~LivePartner() override {
    hang_up();
    if (!server_) return;
    spawn(live_io_.get_executor(), server_->drain());
    live_io_.restart();
    live_io_.run();
  }
  LivePartner(const LivePartner&) = delete;
  LivePartner& operator=(const LivePartner&) = delete;

  Result<void> given(std::string_view text) override {
    auto words = dialogue::split_words(text);
    if (!words) return pass(words);
    std::string no_peer;
    if ((*words)[0] == "server") {
      spawn(live_io_.get_executor(), server_->drain());
      return {};
    }
    return world_.given(*words, *options_, no_peer);
  }
  Result<void> then(std::string_view text) override {
    auto words = dialogue::split_words(text);
    if (!words) return pass(words);
    return world_.then(*words);
  }
  Result<void> connect() override {
    auto listener = listen_on_loopback();
    if (!listener) return pass(listener);
    sockaddr_in name{};
    socklen_t size = sizeof name;
    ::getsockname(listener->get(), reinterpret_cast<sockaddr*>(&name), &size);
    server_ = std::make_unique<Server>(live_io_.get_executor(), services_, options_);
    if (auto listening = server_->listen(std::move(*listener), world_.port); !listening)
      return pass(listening);
    auto socket = dialogue::connect_loopback(ntohs(name.sin_port));
    if (!socket) return pass(socket);
    set_socket(std::move(*socket));
    return {};
  }

 private:
  static Result<Fd> listen_on_loopback() {
    Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
        ::listen(socket.get(), 16) != 0)
      return system_error("listen", "127.0.0.1");
    return socket;
  }

  asio::io_context& live_io_;
  World world_;
  SocketClock clock_{world_.clock};
  MessageIdSource ids_{world_.clock, 0};
  Services services_{clock_,          world_.log,  world_.recipients, world_.queue,   ids_,
                     world_.counters, &world_.tls, &world_.auth,      &world_.senders};
  std::shared_ptr<Options> options_ = default_options();
  std::unique_ptr<Server> server_;
};

std::size_t bytes_sent(const Script& script) {
  std::size_t bytes = 0;
  for (const auto& step : script.steps)
    if (step.kind == dialogue::StepKind::client_sends) bytes += step.text.size();
  return bytes;
}

// What cannot be arranged over loopback: another peer, a client that stops reading, counted writes.
bool needs_memory(const Script& script) {
  for (const auto& step : script.steps) {
    if (step.kind == dialogue::StepKind::given &&
        (step.text.starts_with("peer ") || step.text.starts_with("client ")))
      return true;
    if (step.kind == dialogue::StepKind::then && step.text.starts_with("writes ")) return true;
  }
  return false;
}

// Small blocks make every reply a write of its own, and hide what a client sent without waiting.
bool needs_one_piece(const Script& script) {
  for (const auto& step : script.steps) {
    if (step.kind == dialogue::StepKind::then && step.text.starts_with("writes ")) return true;
    if (step.kind == dialogue::StepKind::given && step.text == "one-piece") return true;
  }
  return false;
}

std::vector<Script> scripts() {
  auto loaded = dialogue::load_scripts(kFolder);
  if (!loaded) {
    ADD_FAILURE() << loaded.error().detail;
    return {};
  }
  return std::move(*loaded);
}

void play_in_blocks(std::size_t block) {
  for (const Script& script : scripts()) {
    if (block < 1000 && (bytes_sent(script) > kLargeScript || needs_one_piece(script))) continue;
    MemoryPartner partner(block);
    const std::string difference = play(script, partner, is_last_line);
    EXPECT_EQ(difference, "") << difference;
  }
}

TEST(SmtpDialogue, InMemory) { play_in_blocks(65536); }
TEST(SmtpDialogue, InMemoryByteByByte) { play_in_blocks(1); }
TEST(SmtpDialogue, InMemoryInOddBlocks) { play_in_blocks(7); }

TEST(SmtpDialogue, OverSockets) {
  std::size_t played = 0;
  for (const Script& script : scripts()) {
    if (needs_memory(script)) continue;
    asio::io_context io;
    LivePartner partner(io);
    const std::string difference = play(script, partner, is_last_line);
    EXPECT_EQ(difference, "") << difference;
    ++played;
  }
  EXPECT_GT(played, 30U);
}

}  // namespace
}  // namespace toast::smtpd
