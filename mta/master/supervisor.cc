#include "mta/master/supervisor.h"

#include <algorithm>

namespace toast::master {

std::string_view state_word(ProcessState state) {
  switch (state) {
    case ProcessState::waiting:
      return "waiting";
    case ProcessState::starting:
      return "starting";
    case ProcessState::running:
      return "running";
    case ProcessState::draining:
      return "draining";
    case ProcessState::stopped:
      return "stopped";
  }
  return "stopped";
}

std::chrono::milliseconds restart_delay(unsigned consecutive_failures) {
  constexpr unsigned kDoublings = 10;  // past kMaxRestartDelay
  const unsigned doublings = std::min(consecutive_failures, kDoublings);
  return std::min(kFirstRestartDelay * (1U << doublings), kMaxRestartDelay);
}

Supervisor::Supervisor(std::vector<Stage> stages_of_processes)
    : stages_(std::move(stages_of_processes)), processes_(stages_.size()) {}

void Supervisor::launch(std::size_t process, std::vector<Action>& actions) {
  processes_[process].state = ProcessState::starting;
  actions.push_back({Action::Kind::launch, process});
}

std::vector<Action> Supervisor::start() {
  std::vector<Action> actions;
  for (std::size_t i = 0; i < processes_.size(); ++i) launch(i, actions);
  return actions;
}

std::vector<Action> Supervisor::on_ready(std::size_t process, SteadyTime now) {
  std::vector<Action> actions;
  Process& p = processes_[process];
  if (p.state != ProcessState::starting) return actions;  // it is being drained already
  p.state = ProcessState::running;
  p.ready_at = now;
  const bool all = std::all_of(processes_.begin(), processes_.end(), [](const Process& other) {
    return other.state == ProcessState::running;
  });
  if (all && !announced_ && !stopping()) {
    announced_ = true;
    actions.push_back({Action::Kind::announce});
  }
  return actions;
}

std::vector<Action> Supervisor::on_exit(std::size_t process, SteadyTime now) {
  std::vector<Action> actions;
  Process& p = processes_[process];
  if (stopping()) {
    p.state = ProcessState::stopped;
    advance_stages(actions);
    return actions;
  }
  const bool was_sound = p.state == ProcessState::running && now - p.ready_at >= kSoundAfter;
  if (was_sound) p.failures = 0;
  p.restart_at = now + restart_delay(p.failures);
  p.state = ProcessState::waiting;
  ++p.failures;
  ++p.restarts;
  if (!announced_ && p.failures >= kMaxStartFailures) {
    culprit_ = process;
    begin_stop(now, actions);
  }
  return actions;
}

std::vector<Action> Supervisor::on_time(SteadyTime now) {
  std::vector<Action> actions;
  if (!stopping()) {
    for (std::size_t i = 0; i < processes_.size(); ++i)
      if (processes_[i].state == ProcessState::waiting && processes_[i].restart_at <= now)
        launch(i, actions);
    return actions;
  }
  if (finished_ || stage_killed_ || now < *stopping_since_ + kStageDeadlines[stage_])
    return actions;
  stage_killed_ = true;
  for (std::size_t i = 0; i < processes_.size(); ++i)
    if (static_cast<std::size_t>(stages_[i]) == stage_ &&
        processes_[i].state == ProcessState::draining)
      actions.push_back({Action::Kind::kill, i});
  return actions;
}

std::vector<Action> Supervisor::stop(SteadyTime now) {
  std::vector<Action> actions;
  if (!stopping()) begin_stop(now, actions);
  return actions;
}

std::vector<Action> Supervisor::stop_at_once() {
  std::vector<Action> actions;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    const ProcessState state = processes_[i].state;
    if (state != ProcessState::waiting && state != ProcessState::stopped)
      actions.push_back({Action::Kind::kill, i});
  }
  return actions;
}

void Supervisor::begin_stop(SteadyTime now, std::vector<Action>& actions) {
  stopping_since_ = now;
  for (Process& p : processes_)
    if (p.state == ProcessState::waiting) p.state = ProcessState::stopped;
  drain_stage(actions);
  advance_stages(actions);
}

void Supervisor::drain_stage(std::vector<Action>& actions) {
  stage_killed_ = false;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (static_cast<std::size_t>(stages_[i]) != stage_) continue;
    if (processes_[i].state == ProcessState::stopped) continue;
    processes_[i].state = ProcessState::draining;
    actions.push_back({Action::Kind::drain, i});
  }
}

void Supervisor::advance_stages(std::vector<Action>& actions) {
  while (!finished_ && stage_is_gone()) {
    if (stage_ + 1 == kStages) {
      finished_ = true;
      actions.push_back({Action::Kind::finish});
      return;
    }
    ++stage_;
    drain_stage(actions);
  }
}

bool Supervisor::stage_is_gone() const {
  for (std::size_t i = 0; i < processes_.size(); ++i)
    if (static_cast<std::size_t>(stages_[i]) == stage_ &&
        processes_[i].state != ProcessState::stopped)
      return false;
  return true;
}

std::optional<SteadyTime> Supervisor::next_time() const {
  std::optional<SteadyTime> next;
  if (stopping()) {
    if (!finished_ && !stage_killed_) next = *stopping_since_ + kStageDeadlines[stage_];
    return next;
  }
  for (const Process& p : processes_)
    if (p.state == ProcessState::waiting && (!next || p.restart_at < *next)) next = p.restart_at;
  return next;
}

}  // namespace toast::master
