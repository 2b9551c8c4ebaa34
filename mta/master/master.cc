#include "mta/master/master.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/metrics.h"
#include "mta/master/program_table.h"
#include "mta/master/service_manager.h"

namespace toast::master {
namespace {

// A queue of millions of messages is read at start; nobody is killed for that.
constexpr std::chrono::hours kReadyTimeout{1};
constexpr std::chrono::milliseconds kStatusDelay{20};  // several changes, one file
constexpr std::size_t kBootIdBytes = 16;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xfU];
  }
  return out;
}

}  // namespace

Result<void> report_problems(const std::vector<SettingProblem>& problems, Logger& log) {
  bool failed = false;
  for (const SettingProblem& problem : problems) {
    failed = failed || !problem.is_warning;
    if (problem.is_warning)
      log.warning("toastd.setting.warning", {{"reason", problem.str()}});
    else
      log.error("toastd.setting.invalid", {{"reason", problem.str()}});
  }
  if (failed) return permanent(describe(problems));
  return {};
}

Master::Master(asio::io_context& io, MasterOptions options, Logger& log)
    : io_(io),
      options_(std::move(options)),
      log_(log),
      signals_(io, SIGTERM, SIGINT, SIGHUP),
      timer_(io),
      status_timer_(io) {
  signals_.add(SIGUSR2);
  signals_.add(SIGCHLD);
  boot_id_ = hex(random_.bytes(kBootIdBytes));
  ticket_key_ = random_.bytes(control::kKeyBytes);
}

Master::~Master() = default;

Result<void> Master::prepare(std::optional<Inheritance> inherited) {
  std::vector<Listener> old_listeners;
  if (inherited) {
    lock_ = std::move(inherited->lock);
    old_listeners = std::move(inherited->listeners);
  } else {
    Result<Fd> lock = lock_instance(options_.root);
    if (!lock) return pass(lock);
    lock_ = std::move(*lock);
  }
  Settings::Read read = Settings::read_directory(options_.root + "/control");
  Result<void> sound = report_problems(read.problems, log_);
  if (!sound) return sound;
  Result<void> small_enough = check_snapshot_size(read.settings);
  if (!small_enough) return small_enough;
  for (const SettingProblem& problem : read.problems) warnings_.push_back(problem.str());
  settings_ = std::move(read.settings);
  Result<void> directories = make_run_directories(options_.root);
  if (!directories) return directories;
  Result<void> found = find_children();
  if (!found) return found;
  Result<std::vector<Listener>> listeners =
      open_listeners(*settings_, options_.root, std::move(old_listeners));
  if (!listeners) return pass(listeners);
  listeners_ = std::move(*listeners);
  return {};
}

void Master::start() {
  Result<void> noted = write_lock_pid(lock_, ::getpid());
  if (!noted) log_.warning("toastd.lock.unwritten", {{"reason", noted.error().detail}});
  started_ = unix_seconds(clock_.wall());
  std::vector<Stage> stages;
  for (const Child& child : children_) stages.push_back(child.spec.program->stage);
  supervisor_.emplace(std::move(stages));
  spawn(io_.get_executor(), serve_signals());
  carry_out(supervisor_->start());
}

// --- children

Result<std::string> Master::find_program(std::string_view name) const {
  std::string looked;
  for (const std::string& folder : options_.search_path) {
    std::string path = folder + "/" + std::string(name);
    if (::access(path.c_str(), X_OK) == 0) return path;
    looked += looked.empty() ? path : ", " + path;
  }
  return permanent("program not found: " + looked);
}

Result<void> Master::find_children() {
  for (const ProcessSpec& spec : processes_for(*settings_, options_.cores)) {
    Child child{.spec = spec,
                .path = {},
                .account = {},
                .metrics = {},
                .control = {},
                .last_exit = {},
                .gaps = {}};
    Result<std::string> path = find_program(spec.program->name);
    if (!path) return pass(path);
    child.path = std::move(*path);
    if (!options_.unprivileged) {
      Result<Account> account = find_account(settings_->get(*spec.program->account));
      if (!account) return pass(account, "control/" + std::string(spec.program->account->name));
      child.account = std::move(*account);
    }
    children_.push_back(std::move(child));
  }
  return {};
}

void Master::carry_out(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    switch (action.kind) {
      case Action::Kind::launch:
        launch_child(action.process);
        break;
      case Action::Kind::drain:
        if (children_[action.process].control)
          spawn(io_.get_executor(), drain_child(children_[action.process].control));
        break;
      case Action::Kind::kill:
        kill_child(action.process, SIGKILL);
        break;
      case Action::Kind::announce:
        log_.info("toastd.ready", {{"processes", children_.size()}});
        std::fputs("toastd: ready\n", stdout);
        std::fflush(stdout);
        notify_service_manager(options_.notify_socket, "READY=1");
        break;
      case Action::Kind::finish:
        finish();
        break;
    }
  }
  arm_timer();
  note_change();
}

void Master::launch_child(std::size_t index) {
  Result<void> launched = try_launch(index);
  if (launched) return;
  Child& child = children_[index];
  log_.error("toastd.child.unstartable",
             {{"process", child.spec.name()}, {"reason", launched.error().detail}});
  child.last_exit = launched.error().detail;
  child.control.reset();
  child.pid = 0;
  // As if it had started and ended, but not from within the loop over the actions.
  asio::post(io_, [this, index] { carry_out(supervisor_->on_exit(index, clock_.steady())); });
}

Result<void> Master::try_launch(std::size_t index) {
  Child& child = children_[index];
  if (!child.metrics) {
    Result<Fd> page = create_metrics_page(options_.root + "/run/metrics/" + child.spec.name());
    if (!page) return pass(page);
    child.metrics = std::move(*page);
  }
  Result<SocketPair> pair = make_socket_pair();
  if (!pair) return pass(pair);
  const Launch what{child.path, {}, options_.environment, child.account};
  Result<pid_t> pid = launch(what, pair->right);
  if (!pid) return pass(pid);
  child.pid = *pid;
  child.generation = generation_;
  child.since = unix_seconds(clock_.wall());
  child.gaps.clear();
  child.control = ipc::Channel::open(io_.get_executor(), std::move(pair->left), child.spec.name());
  child.control->start(nullptr, [this, index, started = *pid](const Error& why) {
    on_channel_closed(index, started, why);
  });
  std::vector<control::GiveSocket> sockets = birth_sockets(index);
  control::Startup startup;
  startup.program = child.spec.program->name;
  startup.instance = child.spec.instance;
  startup.instances = child.spec.instances;
  startup.root = options_.root;
  startup.unprivileged = options_.unprivileged;
  startup.boot_id = boot_id_;
  if (child.spec.program->holds_ticket_key) startup.ticket_key = ticket_key_;
  startup.sockets = static_cast<std::uint32_t>(sockets.size());
  startup.settings = settings_->files();
  spawn(io_.get_executor(), await_ready(index, child.control, std::move(startup)));
  for (control::GiveSocket& socket : sockets)
    spawn(io_.get_executor(), give(child.control, std::move(socket)));
  return {};
}

// Everything a newborn gets, and for each peer that is alive the other end of a fresh pair.
std::vector<control::GiveSocket> Master::birth_sockets(std::size_t index) {
  const Child& child = children_[index];
  std::vector<control::GiveSocket> sockets;
  const auto lend = [&](control::SocketRole role, const std::string& name, const Fd& original) {
    Result<Fd> copy = duplicate(original);
    if (copy)
      sockets.push_back({role, name, std::move(*copy)});
    else
      log_.error("toastd.wire.failed", {{"reason", copy.error().detail}});
  };
  lend(control::SocketRole::metrics, "", child.metrics);
  for (const Listener& listener : listeners_) {
    const Program& program = *child.spec.program;
    const bool is_its = listener.name == program.listener || listener.name == program.local_socket;
    if (is_its) lend(control::SocketRole::listener, listener.name, listener.socket);
  }
  for (std::size_t peer = 0; peer < children_.size(); ++peer) {
    if (peer == index || children_[peer].pid == 0) continue;
    const Program& other = *children_[peer].spec.program;
    if (is_wired(*child.spec.program, other)) connect(index, peer, index, sockets);
    if (is_wired(other, *child.spec.program)) connect(peer, index, index, sockets);
  }
  return sockets;
}

void Master::connect(std::size_t client, std::size_t keeper, std::size_t newborn,
                     std::vector<control::GiveSocket>& own) {
  Result<SocketPair> pair = make_socket_pair();
  if (!pair) {
    log_.error("toastd.wire.failed", {{"reason", pair.error().detail}});
    return;
  }
  control::GiveSocket link{control::SocketRole::link,
                           std::string(children_[keeper].spec.program->name),
                           std::move(pair->left)};
  control::GiveSocket channel{control::SocketRole::client, children_[client].spec.name(),
                              std::move(pair->right)};
  const bool client_is_new = newborn == client;
  const std::size_t peer = client_is_new ? keeper : client;
  own.push_back(std::move(client_is_new ? link : channel));
  control::GiveSocket theirs = std::move(client_is_new ? channel : link);
  spawn(io_.get_executor(), give(children_[peer].control, std::move(theirs)));
}

Task<> Master::await_ready(std::size_t index, std::shared_ptr<ipc::Channel> channel,
                           control::Startup startup) {
  Result<control::Startup::Reply> ready = co_await channel->call(std::move(startup), kReadyTimeout);
  Child& child = children_[index];
  if (child.control != channel) co_return;  // it has ended meanwhile
  if (!ready) {
    log_.error("toastd.child.not_ready",
               {{"process", child.spec.name()}, {"reason", ready.error().detail}});
    if (channel->is_open()) kill_child(index, SIGKILL);
    co_return;
  }
  child.gaps = ready->sandbox_gaps;
  child.since = unix_seconds(clock_.wall());
  carry_out(supervisor_->on_ready(index, clock_.steady()));
}

Task<> Master::give(std::shared_ptr<ipc::Channel> channel, control::GiveSocket socket) {
  if (!channel) co_return;
  std::string name = socket.name;
  Result<ipc::Done> taken = co_await channel->call(std::move(socket), kReadyTimeout);
  if (!taken && channel->is_open())
    log_.error("toastd.socket.refused",
               {{"process", channel->peer()}, {"socket", name}, {"reason", taken.error().detail}});
}

Task<> Master::drain_child(std::shared_ptr<ipc::Channel> channel) {
  control::Drain drain;
  // Whatever it answers: its exit is what counts, and the supervisor's deadline.
  (void)co_await channel->call(std::move(drain));
}

void Master::on_channel_closed(std::size_t index, pid_t pid, const Error& why) {
  if (children_[index].pid != pid) return;
  const ProcessState state = supervisor_->process(index).state;
  if (state != ProcessState::starting && state != ProcessState::running) return;
  // It ended, or it sent what is no reply; the second must not live on.
  log_.debug("toastd.child.disconnected",
             {{"process", children_[index].spec.name()}, {"reason", why.detail}});
  kill_child(index, SIGKILL);
}

void Master::kill_child(std::size_t index, int signal_number) {
  if (children_[index].pid > 0) ::kill(children_[index].pid, signal_number);
}

void Master::reap() {
  for (std::size_t i = 0; i < children_.size(); ++i) {
    int status = 0;
    const pid_t pid = children_[i].pid;
    if (pid > 0 && ::waitpid(pid, &status, WNOHANG) == pid) child_ended(i, status);
  }
  int status = 0;
  if (successor_ > 0 && ::waitpid(successor_, &status, WNOHANG) == successor_) {
    log_.error("toastd.successor.ended", {{"exit", describe_exit(status)}});
    successor_ = 0;
  }
}

void Master::child_ended(std::size_t index, int wait_status) {
  Child& child = children_[index];
  const pid_t pid = std::exchange(child.pid, 0);
  std::shared_ptr<ipc::Channel> control = std::exchange(child.control, nullptr);
  if (control) control->close("the process has ended");
  child.last_exit = describe_exit(wait_status);
  child.since = unix_seconds(clock_.wall());
  const bool expected = supervisor_->stopping() && wait_status == 0;
  const Severity severity = expected ? Severity::info : Severity::error;
  log_.write(severity, "toastd.child.ended",
             {{"process", child.spec.name()},
              {"pid", static_cast<std::int64_t>(pid)},
              {"exit", child.last_exit}});
  carry_out(supervisor_->on_exit(index, clock_.steady()));
  if (supervisor_->culprit() && failure_.empty()) {
    const Child& culprit = children_[*supervisor_->culprit()];
    failure_ =
        culprit.spec.name() + " cannot start (" + culprit.last_exit + "); its lines above say why";
  }
}

void Master::finish() {
  write_status_now();
  log_.info("toastd.stopped");
  io_.stop();
}

// --- events

Task<> Master::serve_signals() {
  for (;;) {
    auto [error, number] = co_await signals_.async_wait(no_throw);
    if (error) co_return;
    on_signal(number);
  }
}

void Master::on_signal(int number) {
  switch (number) {
    case SIGCHLD:
      reap();
      break;
    case SIGHUP:
      spawn(io_.get_executor(), reload());
      break;
    case SIGUSR2:
      spawn(io_.get_executor(), hand_over());
      break;
    default:
      on_stop_signal();
      break;
  }
}

void Master::on_stop_signal() {
  if (supervisor_->stopping()) {
    log_.warning("toastd.stopping.at_once");
    carry_out(supervisor_->stop_at_once());
    return;
  }
  log_.info("toastd.stopping");
  notify_service_manager(options_.notify_socket, "STOPPING=1");
  carry_out(supervisor_->stop(clock_.steady()));
}

void Master::arm_timer() {
  const std::optional<SteadyTime> next = supervisor_->next_time();
  if (!next) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*next);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) carry_out(supervisor_->on_time(clock_.steady()));
  });
}

void Master::note_change() {
  if (status_due_) return;
  status_due_ = true;
  status_timer_.expires_after(kStatusDelay);
  status_timer_.async_wait([this](const asio::error_code& error) {
    if (!error) write_status_now();
  });
}

void Master::write_status_now() {
  status_due_ = false;
  if (handed_over_) return;  // the file is the successor's
  Result<void> written = write_status(options_.root, describe());
  if (!written) log_.warning("toastd.status.unwritten", {{"reason", written.error().detail}});
}

InstanceStatus Master::describe() const {
  InstanceStatus status;
  status.pid = ::getpid();
  status.state = "starting";
  if (supervisor_->announced()) status.state = "ready";
  if (supervisor_->stopping()) status.state = "stopping";
  status.unprivileged = options_.unprivileged;
  status.started = started_;
  status.listeners = &listeners_;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    const Child& child = children_[i];
    const Supervisor::Process& process = supervisor_->process(i);
    status.processes.push_back(
        {child.spec, child.pid, process.state, child.since, process.restarts, child.last_exit});
    std::string_view gaps = child.gaps;
    while (!gaps.empty()) {
      const std::size_t end = std::min(gaps.find('\n'), gaps.size());
      std::string gap(gaps.substr(0, end));
      gaps.remove_prefix(std::min(end + 1, gaps.size()));
      const bool is_new = std::find(status.sandbox_gaps.begin(), status.sandbox_gaps.end(), gap) ==
                          status.sandbox_gaps.end();
      if (is_new && !gap.empty()) status.sandbox_gaps.push_back(std::move(gap));
    }
  }
  status.reload = last_reload_;
  status.warnings = warnings_;
  return status;
}

}  // namespace toast::master
