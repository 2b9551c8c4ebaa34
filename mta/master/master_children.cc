// The life of one child: found, launched, given its sockets, wired to its peers, ready, ended.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "auth/ticket_keys.h"
#include "base/metrics.h"
#include "mta/master/master.h"
#include "mta/master/program_table.h"

namespace toast::master {
namespace {

// A queue of millions of messages is read at start; nobody is killed for that.
constexpr std::chrono::hours kReadyTimeout{1};

static_assert(control::kKeyBytes == auth::kTicketKeyBytes);

Secret ticket_key_of(TicketKey kind, const Secret& root) {
  switch (kind) {
    case TicketKey::issuer:
      return root.clone();
    case TicketKey::mailbox:
      return auth::ticket_key_for(auth::TicketUse::mailbox, root);
    case TicketKey::submission:
      return auth::ticket_key_for(auth::TicketUse::submission, root);
    case TicketKey::none:
      break;
  }
  return {};
}

}  // namespace

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
    Child child{
        .spec = spec, .path = {}, .account = {}, .metrics = {}, .control = {}, .last_exit = {}};
    Result<std::string> path = find_program(spec.program->name);
    if (!path) return pass(path);
    child.path = std::move(*path);
    if (!options_.unprivileged && spec.program->account != nullptr) {
      Result<Account> account = find_account(settings_->get(*spec.program->account));
      if (!account) return pass(account, "control/" + std::string(spec.program->account->name));
      child.account = std::move(*account);
    }
    children_.push_back(std::move(child));
  }
  return {};
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
  startup.ticket_key = ticket_key_of(child.spec.program->ticket_key, ticket_key_);
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
    if (is_listener_of(*child.spec.program, listener.name))
      lend(control::SocketRole::listener, listener.name, listener.socket);
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
  note_sandbox_gaps(ready->sandbox_gaps);
  child.since = unix_seconds(clock_.wall());
  carry_out(supervisor_->on_ready(index, clock_.steady()));
}

// What this kernel cannot enforce: said once in the log and kept for toastctl status.
void Master::note_sandbox_gaps(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    std::string gap(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    const bool known =
        std::find(sandbox_gaps_.begin(), sandbox_gaps_.end(), gap) != sandbox_gaps_.end();
    if (known || gap.empty()) continue;
    log_.warning("toastd.sandbox.gap", {{"missing", gap}});
    sandbox_gaps_.push_back(std::move(gap));
  }
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
  tell_of_end(index);
  carry_out(supervisor_->on_exit(index, clock_.steady()));
  if (supervisor_->culprit() && failure_.empty()) {
    const Child& culprit = children_[*supervisor_->culprit()];
    failure_ =
        culprit.spec.name() + " cannot start (" + culprit.last_exit + "); its lines above say why";
  }
}

void Master::tell_of_end(std::size_t index) {
  const Program& ended = *children_[index].spec.program;
  for (const Child& child : children_)
    if (child.control && is_told_of_end(*child.spec.program, ended))
      child.control->notify(control::PeerEnded{std::string(ended.name), clock_.steady()});
}

void Master::tell_of_stop() {
  if (std::exchange(told_of_stop_, true)) return;
  for (const Child& child : children_)
    if (child.control) child.control->notify(control::Stopping{});
}

}  // namespace toast::master
