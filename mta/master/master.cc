#include "mta/master/master.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iterator>

#include "auth/programs/program_account.h"
#include "base/settings_registry.h"
#include "mta/master/program_table.h"
#include "mta/master/service_manager.h"

namespace toast::master {
namespace {

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
  ticket_key_ = Secret::random(random_, control::kKeyBytes);
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
  if (read.ok()) {
    std::vector<SettingProblem> more =
        auth::check_programs(read.settings, setting::checkpasswordprograms, ::geteuid());
    std::move(more.begin(), more.end(), std::back_inserter(read.problems));
  }
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
  for (const Child& child : children_) {
    if (child.spec.program->name != "toast-remoted") continue;
    Result<void> made = make_relay_folder(options_.root, child.account);
    if (!made) return made;
  }
  Result<std::vector<Listener>> listeners =
      open_listeners(*settings_, options_.root, std::move(old_listeners), clock_, log_);
  if (!listeners) return pass(listeners);
  listeners_ = std::move(*listeners);
  return {};
}

void Master::start() {
  Result<void> noted = write_lock_pid(lock_, ::getpid());
  if (!noted) log_.warning("toastd.lock.unwritten", {{"reason", noted.error().detail}});
  started_ = unix_seconds(clock_.wall());
  std::vector<Stage> stages;
  stages.reserve(children_.size());
  for (const Child& child : children_) stages.push_back(child.spec.program->stage);
  supervisor_.emplace(std::move(stages));
  spawn(io_.get_executor(), serve_signals());
  carry_out(supervisor_->start());
}

// --- events

void Master::carry_out(const std::vector<Action>& actions) {
  if (supervisor_->stopping()) tell_of_stop();
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
        log_.info("toastd.instance.ready", {{"processes", children_.size()}});
        write_status_now();  // whoever reads "ready" and asks for the status must find it so
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

void Master::finish() {
  write_status_now();
  log_.info("toastd.instance.stopped");
  io_.stop();
}

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
    log_.warning("toastd.instance.killed");
    carry_out(supervisor_->stop_at_once());
    return;
  }
  log_.info("toastd.instance.stopping");
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
  }
  status.sandbox_gaps = sandbox_gaps_;
  status.reload = last_reload_;
  status.warnings = warnings_;
  return status;
}

}  // namespace toast::master
