// Stands in for every program under toastd: it is started under their names and does what a line on
// its listener, or a setting, tells it.
//   pid | setting NAME | call KEEPER [KEEPER...] [ended] | crash | hang (drain never ends)
// The last of a call may be "ended": which programs it was told have ended.
#include <unistd.h>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <sstream>

#include "base/daemon.h"
#include "base/settings_registry.h"

namespace toast {
namespace {

struct Pong {
  std::string text;
  void encode(Encoder& e) const { e.bytes(text); }
  static Pong decode(Decoder& d) { return {d.string(512)}; }
};
// Travels along `hops`, keeper by keeper.
struct Ping {
  static constexpr std::uint16_t kType = 1;
  using Reply = Pong;
  std::string hops;
  void encode(Encoder& e) const { e.bytes(hops); }
  static Ping decode(Decoder& d) { return {d.string(512)}; }
};

class TestChild {
 public:
  TestChild(Daemon& daemon, std::string program) : daemon_(daemon), program_(std::move(program)) {}

  Task<Result<Pong>> follow(std::string hops) {
    std::istringstream words(hops);
    std::string keeper;
    words >> keeper;
    if (keeper.empty()) co_return Pong{};
    if (keeper == "ended") co_return Pong{ended_};
    std::string rest;
    std::getline(words >> std::ws, rest);
    Ping ping{rest};
    co_return co_await daemon_.link(keeper).call(std::move(ping));
  }

  // "toast-queued/toast-smtpd.0": who answered whom.
  Task<Result<Pong>> answer(std::string peer, Ping ping) {
    Result<Pong> further = co_await follow(ping.hops);
    if (!further) co_return pass(further);
    std::string text = program_ + "/" + peer;
    if (!further->text.empty()) text += " " + further->text;
    co_return Pong{text};
  }

  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(const std::string& peer) {
    auto dispatcher = std::make_shared<ipc::Dispatcher>();
    dispatcher->on<Ping>([this, peer](Ping ping) { return answer(peer, std::move(ping)); });
    return dispatcher;
  }

  Task<std::string> obey(std::string line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    std::string rest;
    std::getline(words >> std::ws, rest);
    if (verb == "crash") std::abort();
    if (verb == "hang") hang_ = true;
    if (verb == "setting") co_return daemon_.settings().text(*find_setting(rest));
    if (verb != "call") co_return std::to_string(::getpid());
    Result<Pong> pong = co_await follow(rest);
    if (!pong) co_return "error " + pong.error().detail;
    co_return pong->text;
  }

  Task<> serve(asio::posix::stream_descriptor connection) {
    std::string buffer;
    for (;;) {
      auto [error, n] =
          co_await asio::async_read_until(connection, asio::dynamic_buffer(buffer), '\n', no_throw);
      if (error) co_return;
      std::string line = buffer.substr(0, n - 1);
      buffer.erase(0, n);
      std::string reply = co_await obey(std::move(line));
      reply += '\n';
      auto [write_error, sent] =
          co_await asio::async_write(connection, asio::buffer(reply), no_throw);
      if (write_error) co_return;
    }
  }

  Task<> accept(std::shared_ptr<asio::posix::stream_descriptor> listener) {
    for (;;) {
      auto [error] =
          co_await listener->async_wait(asio::posix::descriptor_base::wait_read, no_throw);
      if (error) co_return;
      const int connection =
          ::accept4(listener->native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (connection < 0) continue;  // another process took it
      asio::posix::stream_descriptor stream(daemon_.executor(), connection);
      spawn(daemon_.executor(), serve(std::move(stream)));
    }
  }

  Task<> drain() {
    for (const auto& listener : listeners_) listener->cancel();
    if (!hang_) co_return;
    asio::steady_timer never(daemon_.executor(), asio::steady_timer::time_point::max());
    auto [ignored] = co_await never.async_wait(no_throw);
    (void)ignored;
  }

  void note_end(const std::string& program, SteadyTime at) {
    ended_ += ended_.empty() ? "" : " ";
    ended_ += program;
    if (at > daemon_.clock().steady()) ended_ += "?";
  }

  void add_listener(Fd socket) {
    listeners_.push_back(
        std::make_shared<asio::posix::stream_descriptor>(daemon_.executor(), socket.release()));
    spawn(daemon_.executor(), accept(listeners_.back()));
  }

 private:
  Daemon& daemon_;
  std::string program_;
  std::vector<std::shared_ptr<asio::posix::stream_descriptor>> listeners_;
  std::string ended_;
  bool hang_ = false;
};

}  // namespace
}  // namespace toast

int main(int argc, char** argv) {
  using namespace toast;
  const std::string path = argv[0];
  const std::string program = path.substr(path.rfind('/') + 1);
  // The callbacks own the child: it ends before the event loop that its sockets belong to.
  return daemon_main(argc, argv, program.c_str(), [program](Daemon& daemon) -> Result<void> {
    // control/bouncefrom and control/smtpgreeting name the program that is to misbehave.
    if (daemon.settings().get(setting::bouncefrom) == program) return permanent("told to fail");
    auto child = std::make_shared<TestChild>(daemon, program);
    daemon.metrics().counter("test.starts").add();
    daemon.on_listener(
        [child](const std::string&, Fd socket) { child->add_listener(std::move(socket)); });
    daemon.on_client([child](const std::string& peer) { return child->dispatcher_for(peer); });
    daemon.on_reload(
        [program](const Settings& next) -> Result<void> {
          if (next.get(setting::smtpgreeting) == program) return permanent("told to refuse");
          return {};
        },
        [](const Settings&) {});
    daemon.on_peer_ended(
        [child](const std::string& ended, SteadyTime at) { child->note_end(ended, at); });
    daemon.on_drain([child] { return child->drain(); });
    return {};
  });
}
