// What every program under toastd is built on: it is started with one socket on descriptor 3, over
// which toastd hands it its settings, its listening sockets, links to the keepers it may call and
// channels from the peers that may call it. Nothing is opened by name.
//
//   int main(int argc, char** argv) {
//     return toast::daemon_main(argc, argv, "toast-smtpd", [](toast::Daemon& daemon) { ... });
//   }
//
// `build` makes the program's parts and registers what it wants below; it may open files. After it
// has returned well, the sandbox is entered, the listeners are handed over, and toastd is told
// "ready".
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/control_messages.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/settings.h"

namespace toast {

class Daemon {
 public:
  Daemon(asio::io_context& io, std::string program);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  asio::io_context& io() { return io_; }
  asio::any_io_executor executor() { return io_.get_executor(); }
  Logger& log() { return *log_; }
  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }
  Metrics& metrics() { return *metrics_; }
  const control::Startup& startup() const { return startup_; }
  const Settings& settings() const { return *settings_; }
  std::string path(std::string_view below_root) const;  // "queue" -> ROOT/queue

  // Our end towards `keeper` ("toast-queued"); the same object each time. Calls on it fail as
  // transient while the keeper is away; toastd re-attaches it.
  ipc::Link& link(const std::string& keeper);
  // Notices that `keeper` sends by itself over that link. For `build` to say.
  void on_word_from(const std::string& keeper, std::shared_ptr<const ipc::Dispatcher> notices) {
    words_[keeper] = std::move(notices);
  }

  // A bound, listening, non-blocking socket called `name` ("smtp", "pop3") belongs to the callee.
  using OnListener = std::function<void(const std::string& name, Fd socket)>;
  void on_listener(OnListener callee) { on_listener_ = std::move(callee); }

  // A peer ("toast-smtpd.1") may call us: which messages do we answer it? Null refuses the peer.
  using OnClient = std::function<std::shared_ptr<const ipc::Dispatcher>(const std::string& peer)>;
  void on_client(OnClient callee) { on_client_ = std::move(callee); }
  // Those that may call us now: for notices to all of them.
  std::vector<std::shared_ptr<ipc::Channel>> clients();
  // The peer is gone: drop what was held for it.
  using OnClientGone = std::function<void(const std::string& peer)>;
  void on_client_gone(OnClientGone callee) { on_client_gone_ = std::move(callee); }

  // Reload in two steps: `prepare` may refuse and must change nothing; `commit` cannot fail.
  // Without them the program agrees to every reload and changes nothing; what it reads at its start
  // only must be marked so in the registry (Applies::at_restart), which toastd looks at first.
  using OnPrepare = std::function<Result<void>(const Settings& next)>;
  using OnCommit = std::function<void(const Settings& now)>;
  void on_reload(OnPrepare prepare, OnCommit commit);

  // A program of which we may hold something has ended (its name, and a time by which it was gone).
  using OnPeerEnded = std::function<void(const std::string& program, SteadyTime at)>;
  void on_peer_ended(OnPeerEnded callee) { on_peer_ended_ = std::move(callee); }

  // Finish what is in hand; the process exits when the task completes (or toastd's patience ends).
  using OnDrain = std::function<Task<>()>;
  void on_drain(OnDrain drain) { on_drain_ = std::move(drain); }

  // Something this process cannot go on without has failed: log it and exit 1; toastd starts anew.
  [[noreturn]] void fail(const Error& error);

 private:
  friend int daemon_main(int, char**, const char*, std::function<Result<void>(Daemon&)>);
  using Build = std::function<Result<void>(Daemon&)>;

  void serve_control(Fd control, Build build);
  Task<Result<control::Startup::Reply>> start(control::Startup startup);
  Result<void> take_socket(control::GiveSocket given);
  void attach_link(const std::string& keeper, Fd socket);
  void on_link_closed(const std::string& keeper, const Error& why);
  void attach_client(const std::string& peer, Fd socket);
  Task<> drain_and_stop();

  asio::io_context& io_;
  std::string program_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<Logger> log_;
  std::unique_ptr<Metrics> metrics_;
  control::Startup startup_;
  std::unique_ptr<const Settings> settings_;
  std::unique_ptr<const Settings> prepared_;
  std::map<std::string, std::unique_ptr<ipc::Link>> links_;
  std::map<std::string, std::shared_ptr<const ipc::Dispatcher>> words_;
  std::vector<std::weak_ptr<ipc::Channel>> clients_;
  std::vector<control::GiveSocket> waiting_sockets_;  // until `build` has run
  asio::steady_timer sockets_complete_;
  bool serving_ = false;
  bool stopping_ = false;  // the whole instance is
  bool draining_ = false;
  Build build_;
  OnListener on_listener_;
  OnClient on_client_;
  OnClientGone on_client_gone_;
  OnPrepare on_prepare_;
  OnCommit on_commit_;
  OnPeerEnded on_peer_ended_;
  OnDrain on_drain_;
  int exit_code_ = 0;
};

// Runs a program under toastd; returns its exit code. Started by hand it says so and exits 1.
int daemon_main(int argc, char** argv, const char* program,
                std::function<Result<void>(Daemon&)> build);

}  // namespace toast
