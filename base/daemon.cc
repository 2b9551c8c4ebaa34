#include "base/daemon.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/heap_release.h"
#include "base/sandbox.h"

namespace toast {
namespace {

// "toast-smtpd", 1 -> "smtpd.1": what log lines are headed with.
std::string log_name(std::string_view program, const control::Startup& startup) {
  if (program.starts_with("toast-")) program.remove_prefix(6);
  std::string name(program);
  if (startup.instances > 1) name += "." + std::to_string(startup.instance);
  return name;
}

bool is_stream_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

Daemon::Daemon(asio::io_context& io, std::string program)
    : io_(io),
      program_(std::move(program)),
      log_(std::make_unique<StderrLogger>(clock_, program_)),
      metrics_(std::make_unique<Metrics>()),
      sockets_complete_(io) {}

Daemon::~Daemon() {
  // What is still in the event loop goes after us, and counts itself out.
  static std::unique_ptr<Metrics> outlives_the_loop;
  outlives_the_loop = std::move(metrics_);
}

std::string Daemon::path(std::string_view below_root) const {
  return startup_.root + "/" + std::string(below_root);
}

ipc::Link& Daemon::link(const std::string& keeper) {
  std::unique_ptr<ipc::Link>& link = links_[keeper];
  if (!link) link = std::make_unique<ipc::Link>(keeper);
  return *link;
}

void Daemon::on_reload(OnPrepare prepare, OnCommit commit) {
  on_prepare_ = std::move(prepare);
  on_commit_ = std::move(commit);
}

void Daemon::fail(const Error& error) {
  log_->error("daemon.process.failed", {{"reason", error.detail}});
  std::_Exit(1);  // no destructors: whatever failed may be what they would touch
}

void Daemon::serve_control(Fd control, Build build) {
  build_ = std::move(build);
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<control::Startup>(
      [this](control::Startup startup) { return start(std::move(startup)); });
  dispatcher->on<control::GiveSocket>([this](control::GiveSocket given) -> Task<Result<ipc::Done>> {
    Result<void> taken = take_socket(std::move(given));
    if (!taken) co_return pass(taken);
    co_return ipc::Done{};
  });
  dispatcher->on<control::Prepare>([this](control::Prepare next) -> Task<Result<ipc::Done>> {
    Result<Settings> settings = Settings::parse_or_error(std::move(next.settings));
    if (!settings) co_return pass(settings);
    if (on_prepare_) {
      Result<void> willing = on_prepare_(*settings);
      if (!willing) co_return pass(willing);
    }
    prepared_ = std::make_unique<const Settings>(std::move(*settings));
    co_return ipc::Done{};
  });
  dispatcher->on<control::Commit>([this](control::Commit) -> Task<Result<ipc::Done>> {
    if (!prepared_) co_return permanent("commit without prepare");
    settings_ = std::move(prepared_);
    if (on_commit_) on_commit_(*settings_);
    co_return ipc::Done{};
  });
  dispatcher->on<control::Drain>([this](control::Drain) -> Task<Result<ipc::Done>> {
    spawn(executor(), drain_and_stop());
    co_return ipc::Done{};
  });
  dispatcher->on_notice<control::PeerEnded>([this](const control::PeerEnded& ended) {
    if (on_peer_ended_) on_peer_ended_(ended.program, ended.at);
  });
  dispatcher->on_notice<control::Stopping>([this](control::Stopping) { stopping_ = true; });
  std::shared_ptr<ipc::Channel> channel =
      ipc::Channel::open(executor(), std::move(control), "toastd");
  channel->start(std::move(dispatcher), [this](const Error&) {
    if (!draining_) log_->warning("daemon.process.orphaned", {{"reason", "toastd is gone"}});
    spawn(executor(), drain_and_stop());
  });
}

Task<Result<control::Startup::Reply>> Daemon::start(control::Startup startup) {
  if (build_ == nullptr) co_return permanent("started twice");
  startup_ = std::move(startup);
  log_ = std::make_unique<StderrLogger>(clock_, log_name(program_, startup_));
  while (waiting_sockets_.size() < startup_.sockets) {
    sockets_complete_.expires_at(std::chrono::steady_clock::time_point::max());
    auto [ignored] = co_await sockets_complete_.async_wait(no_throw);
    (void)ignored;
  }
  Result<Settings> settings = Settings::parse_or_error(startup_.settings);
  if (!settings) fail(settings.error());
  settings_ = std::make_unique<const Settings>(std::move(*settings));
  for (control::GiveSocket& given : waiting_sockets_) {
    if (given.role != control::SocketRole::metrics) continue;
    Result<std::unique_ptr<Metrics>> metrics = Metrics::map(given.descriptor);
    if (!metrics) fail(metrics.error());
    metrics_ = std::move(*metrics);
  }
  const SandboxPolicy policy = policy_for(program_, *settings_);
  Result<SandboxGaps> rights = restrict_rights(policy, startup_.root);
  if (!rights) fail(rights.error());
  Build build = std::move(build_);
  build_ = nullptr;
  Result<void> built = build(*this);
  if (!built) fail(built.error());

  Result<SandboxGaps> calls = restrict_calls(policy, OnForbiddenCall::refuse);
  if (!calls) fail(calls.error());
  serving_ = true;
  spawn(executor(), release_free_heap_regularly());
  auto waiting = std::move(waiting_sockets_);
  waiting_sockets_.clear();
  for (control::GiveSocket& given : waiting) {
    Result<void> taken = take_socket(std::move(given));
    if (!taken) fail(taken.error());
  }
  log_->info("daemon.process.ready", {{"pid", static_cast<std::int64_t>(::getpid())}});
  control::Startup::Reply reply;
  for (const SandboxGaps* gaps : {&*rights, &*calls}) {
    for (const std::string& gap : *gaps)
      reply.sandbox_gaps += gap + "\n";  // toastd reports it once
  }
  co_return std::move(reply);
}

Result<void> Daemon::take_socket(control::GiveSocket given) {
  if (!serving_) {
    waiting_sockets_.push_back(std::move(given));
    sockets_complete_.cancel();
    return {};
  }
  switch (given.role) {
    case control::SocketRole::metrics:
      return {};
    case control::SocketRole::listener:
      if (!on_listener_) return permanent(program_ + " listens nowhere");
      on_listener_(given.name, std::move(given.descriptor));
      return {};
    case control::SocketRole::link:
      attach_link(given.name, std::move(given.descriptor));
      return {};
    case control::SocketRole::client:
      attach_client(given.name, std::move(given.descriptor));
      return {};
  }
  return permanent("unknown socket role");
}

void Daemon::attach_link(const std::string& keeper, Fd socket) {
  std::shared_ptr<ipc::Channel> channel = ipc::Channel::open(executor(), std::move(socket), keeper);
  const auto words = words_.find(keeper);
  channel->start(words == words_.end() ? nullptr : words->second,
                 [this, keeper](const Error& why) { on_link_closed(keeper, why); });
  link(keeper).attach(std::move(channel));
}

// Said one turn of the loop later: toastd's word that the instance is being stopped was sent before
// the keeper ended, but may be read after it in the same turn.
void Daemon::on_link_closed(const std::string& keeper, const Error& why) {
  asio::post(io_, [this, keeper, reason = why.detail] {
    if (!stopping_ && !draining_)
      log_->warning("daemon.link.lost", {{"keeper", keeper}, {"reason", reason}});
  });
}

void Daemon::attach_client(const std::string& peer, Fd socket) {
  std::shared_ptr<const ipc::Dispatcher> dispatcher = on_client_ ? on_client_(peer) : nullptr;
  if (!dispatcher) {
    log_->error("daemon.client.refused", {{"peer", peer}});
    return;
  }
  std::shared_ptr<ipc::Channel> channel = ipc::Channel::open(executor(), std::move(socket), peer);
  std::erase_if(clients_, [](const auto& gone) { return gone.expired(); });
  clients_.push_back(channel);
  channel->start(std::move(dispatcher), [this, peer](const Error&) {
    if (on_client_gone_) on_client_gone_(peer);
  });
}

std::vector<std::shared_ptr<ipc::Channel>> Daemon::clients() {
  std::vector<std::shared_ptr<ipc::Channel>> here;
  for (const std::weak_ptr<ipc::Channel>& one : clients_) {
    std::shared_ptr<ipc::Channel> channel = one.lock();
    if (channel && channel->is_open()) here.push_back(std::move(channel));
  }
  return here;
}

Task<> Daemon::drain_and_stop() {
  if (draining_) co_return;
  draining_ = true;
  if (serving_ && on_drain_) co_await on_drain_();
  log_->info("daemon.process.stopped");
  io_.stop();
}

int daemon_main(int argc, char** argv, const char* program,
                std::function<Result<void>(Daemon&)> build) {
  if (argc > 1 || !is_stream_socket(control::kControlDescriptor)) {
    std::fprintf(stderr,
                 "%s: this program is started by toastd, not by hand.\n"
                 "Start the whole instance with: toastd --root DIR\n",
                 argc > 0 ? argv[0] : program);
    return 1;
  }
  Fd control(control::kControlDescriptor);
  ::fcntl(control.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(control.get(), F_SETFL, ::fcntl(control.get(), F_GETFL) | O_NONBLOCK);
  // A terminal's Ctrl-C and hang-up are for toastd, which tells us what to do about them.
  for (const int ignored : {SIGPIPE, SIGINT, SIGHUP}) std::signal(ignored, SIG_IGN);
  asio::io_context io(1);
  Daemon daemon(io, program);
  daemon.serve_control(std::move(control), std::move(build));
  io.run();
  return daemon.exit_code_;
}

}  // namespace toast
