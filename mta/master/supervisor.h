// What toastd decides: when a process is started, restarted, drained or killed. A state machine
// over (state, event, now) that touches nothing; master.cc carries its actions out and feeds it
// events.
//
//   waiting -> starting -> running        a process that ends goes back to waiting, longer each
//   time stop(): stage after stage (front ends, queue, keepers) is drained; each stage has a
//   deadline, at which what is left of it is killed, so that the last stage still gets its turn.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "mta/master/program_table.h"

namespace toast::master {

enum class ProcessState : unsigned char { waiting, starting, running, draining, stopped };
std::string_view state_word(ProcessState state);

// The delay before a restart: never none, so that peers have seen the old one's sockets close
// before they are given new ones.
inline constexpr std::chrono::milliseconds kFirstRestartDelay{50};
inline constexpr std::chrono::milliseconds kMaxRestartDelay{10'000};
// A process that served this long was sound; its next end starts the delays anew.
inline constexpr std::chrono::seconds kSoundAfter{10};
// Failures of one process during the first start after which toastd gives up: the operator is
// watching.
inline constexpr unsigned kMaxStartFailures = 3;
// From stop() on, when each stage is killed. The last is the whole patience of a stop.
inline constexpr std::chrono::seconds kStageDeadlines[kStages] = {
    std::chrono::seconds{6}, std::chrono::seconds{8}, std::chrono::seconds{10}};

std::chrono::milliseconds restart_delay(unsigned consecutive_failures);

struct Action {
  enum class Kind : unsigned char {
    launch,    // start process `process`
    drain,     // ask it to finish
    kill,      // SIGKILL
    announce,  // every process is ready for the first time
    finish,    // all are gone: toastd ends
  };
  Kind kind;
  std::size_t process = 0;
  friend bool operator==(const Action&, const Action&) = default;
};

class Supervisor {
 public:
  struct Process {
    ProcessState state = ProcessState::waiting;
    SteadyTime restart_at{};     // waiting
    SteadyTime ready_at{};       // running
    unsigned failures = 0;       // in a row
    std::uint64_t restarts = 0;  // in all
  };

  explicit Supervisor(std::vector<Stage> stages_of_processes);

  // Events. Each returns what is to be done now, in this order.
  [[nodiscard]] std::vector<Action> start();
  [[nodiscard]] std::vector<Action> on_ready(std::size_t process, SteadyTime now);
  [[nodiscard]] std::vector<Action> on_exit(std::size_t process, SteadyTime now);
  [[nodiscard]] std::vector<Action> on_time(SteadyTime now);
  [[nodiscard]] std::vector<Action> stop(SteadyTime now);
  [[nodiscard]] std::vector<Action> stop_at_once();  // the operator insists

  // When on_time() has something to do; none: not before another event.
  std::optional<SteadyTime> next_time() const;
  const Process& process(std::size_t index) const { return processes_[index]; }
  std::size_t size() const { return processes_.size(); }
  bool announced() const { return announced_; }
  bool stopping() const { return stopping_since_.has_value(); }
  // The process that could not be started; toastd then exits 1.
  std::optional<std::size_t> culprit() const { return culprit_; }

 private:
  void launch(std::size_t process, std::vector<Action>& actions);
  void begin_stop(SteadyTime now, std::vector<Action>& actions);
  void drain_stage(std::vector<Action>& actions);
  void advance_stages(std::vector<Action>& actions);
  bool stage_is_gone() const;

  std::vector<Stage> stages_;
  std::vector<Process> processes_;
  std::optional<SteadyTime> stopping_since_;
  std::size_t stage_ = 0;      // the one that is being stopped
  bool stage_killed_ = false;  // its deadline has passed
  bool announced_ = false;
  bool finished_ = false;
  std::optional<std::size_t> culprit_;
};

}  // namespace toast::master
