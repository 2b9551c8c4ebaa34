// toastd itself: carries out what the Supervisor decides, wires processes to each other, and hands
// signals on. It reads control/ and its children's exits and nothing else; from a child's control
// channel it takes fixed replies within ipc's limits, and a child that sends anything else is
// killed.
//
//   SIGTERM, SIGINT  drain and end (again: at once)      SIGHUP   reload, all or nothing
//   SIGUSR2          hand over to a new toastd           SIGCHLD  somebody ended
#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/control_messages.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/random.h"
#include "base/settings.h"
#include "mta/master/instance_files.h"
#include "mta/master/launch.h"
#include "mta/master/listeners.h"
#include "mta/master/supervisor.h"

namespace toast::master {

struct MasterOptions {
  std::string root;
  bool unprivileged = false;
  std::string self;                      // path of this program's file
  std::vector<std::string> search_path;  // folders that hold the other programs, first match wins
  std::vector<std::string> environment;  // for the children
  std::string notify_socket;             // of the service manager; empty: there is none
  unsigned cores = 1;
};

// What a running toastd leaves to its successor.
struct Inheritance {
  Fd lock;
  std::vector<Listener> listeners;
};

class Master {
 public:
  Master(asio::io_context& io, MasterOptions options, Logger& log);
  ~Master();

  // Reads control/, takes the lock, binds the listeners, finds programs and accounts. Nothing has
  // been started when it fails, and nothing of the inheritance is lost to the toastd that offers
  // it.
  [[nodiscard]] Result<void> prepare(std::optional<Inheritance> inherited);
  // Starts everything; io.run() then serves until the end.
  void start();
  // Why toastd ends with 1; empty: a clean end.
  const std::string& failure() const { return failure_; }

 private:
  struct Child {
    ProcessSpec spec;
    std::string path;
    std::optional<Account> account;
    Fd metrics;
    pid_t pid = 0;  // 0: not running
    std::shared_ptr<ipc::Channel> control;
    std::uint64_t generation = 0;  // of the settings it was started with
    std::int64_t since = 0;
    std::string last_exit;
  };

  // master_children.cc
  Result<void> find_children();
  Result<std::string> find_program(std::string_view name) const;
  void launch_child(std::size_t index);
  Result<void> try_launch(std::size_t index);
  std::vector<control::GiveSocket> birth_sockets(std::size_t index);
  void connect(std::size_t client, std::size_t keeper, std::size_t newborn,
               std::vector<control::GiveSocket>& own);
  Task<> await_ready(std::size_t index, std::shared_ptr<ipc::Channel> channel,
                     control::Startup startup);
  Task<> give(std::shared_ptr<ipc::Channel> channel, control::GiveSocket socket);
  Task<> drain_child(std::shared_ptr<ipc::Channel> channel);
  void on_channel_closed(std::size_t index, pid_t pid, const Error& why);
  void note_sandbox_gaps(std::string_view lines);
  void kill_child(std::size_t index, int signal_number);
  void reap();
  void child_ended(std::size_t index, int wait_status);
  void tell_of_end(std::size_t index);
  void tell_of_stop();

  // master.cc
  void carry_out(const std::vector<Action>& actions);
  void finish();
  Task<> serve_signals();
  void on_signal(int number);
  void on_stop_signal();
  void arm_timer();
  void note_change();  // status.json is to be written soon
  void write_status_now();
  InstanceStatus describe() const;

  // master_reload.cc
  Task<> reload();
  Task<Result<void>> try_reload(Settings::Read read);
  Result<void> check_applicable(const Settings& next) const;
  void finish_reload(const Result<void>& outcome);

  // handover.cc
  Task<> hand_over();
  Task<Result<void>> offer_to_successor();
  Task<Result<void>> offer(std::shared_ptr<ipc::Channel> channel);

  asio::io_context& io_;
  MasterOptions options_;
  Logger& log_;
  SystemClock clock_;
  SystemRandom random_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
  asio::steady_timer status_timer_;
  bool status_due_ = false;
  Fd lock_;
  std::optional<Settings> settings_;
  std::uint64_t generation_ = 1;
  std::vector<Listener> listeners_;
  std::vector<Child> children_;
  std::optional<Supervisor> supervisor_;
  bool told_of_stop_ = false;
  std::string boot_id_;
  Secret ticket_key_;
  std::int64_t started_ = 0;
  std::vector<std::string> warnings_;
  std::optional<ReloadStatus> last_reload_;
  std::vector<std::string> sandbox_gaps_;
  bool reloading_ = false;
  bool reload_again_ = false;
  pid_t successor_ = 0;
  bool handing_over_ = false;
  bool handed_over_ = false;
  std::string failure_;
};

// Errors and warnings of control/, one event each; an Error if there is any error.
[[nodiscard]] Result<void> report_problems(const std::vector<SettingProblem>& problems,
                                           Logger& log);
// All settings travel to a child in one message.
[[nodiscard]] Result<void> check_snapshot_size(const Settings& settings);

}  // namespace toast::master
