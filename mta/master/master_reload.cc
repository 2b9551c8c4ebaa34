// SIGHUP: the new settings are read and checked here, then every process is asked whether it can
// work with them, and only when all said yes are they told to. A process that fails after that is
// replaced by one that starts with the new settings; before it, the old settings stay and the log
// says why.
#include <csignal>

#include "base/settings_registry.h"
#include "mta/master/master.h"

namespace toast::master {
namespace {

constexpr std::chrono::seconds kPrepareTimeout{10};
constexpr std::size_t kMaxSnapshot = ipc::kMaxFrame - 16 * 1024;  // beside it: the rest of Startup

std::size_t snapshot_bytes(const SettingFiles& files) {
  Encoder encoder;
  control::encode_snapshot(encoder, files);
  return encoder.view().size();
}

}  // namespace

Task<> Master::reload() {
  if (supervisor_->stopping() || handing_over_) co_return;
  if (reloading_) {
    reload_again_ = true;
    co_return;
  }
  reloading_ = true;
  do {
    reload_again_ = false;
    Settings::Read read = Settings::read_directory(options_.root + "/control");
    Result<void> outcome = co_await try_reload(std::move(read));
    finish_reload(outcome);
  } while (reload_again_);
  reloading_ = false;
}

Result<void> check_snapshot_size(const Settings& settings) {
  if (snapshot_bytes(settings.files()) > kMaxSnapshot)
    return permanent("control/ holds more than " + std::to_string(kMaxSnapshot) + " bytes");
  return {};
}

Result<void> Master::check_applicable(const Settings& next) const {
  if (!supervisor_->announced()) return transient("toastd is still starting");
  Result<void> small_enough = check_snapshot_size(next);
  if (!small_enough) return small_enough;
  for (const SettingInfo* info : all_settings()) {
    if (info->applies == Applies::at_reload || next.text(*info) == settings_->text(*info)) continue;
    return permanent("control/" + std::string(info->name) +
                     ": takes effect at a restart only; send SIGUSR2 for one without a gap");
  }
  return {};
}

Task<Result<void>> Master::try_reload(Settings::Read read) {
  Result<void> sound = report_problems(read.problems, log_);
  if (!sound) co_return sound;
  Result<void> applicable = check_applicable(read.settings);
  if (!applicable) co_return applicable;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (supervisor_->process(i).state != ProcessState::running)
      continue;  // starts with the new ones
    std::shared_ptr<ipc::Channel> channel = children_[i].control;
    control::Prepare prepare{read.settings.files()};
    Result<ipc::Done> willing = co_await channel->call(std::move(prepare), kPrepareTimeout);
    const bool gone = children_[i].control != channel;  // its next start reads the new settings
    if (!willing && !gone) co_return pass(willing, channel->peer());
  }
  if (supervisor_->stopping()) co_return transient("toastd is stopping");
  warnings_.clear();
  for (const SettingProblem& problem : read.problems) warnings_.push_back(problem.str());
  settings_ = std::move(read.settings);
  ++generation_;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    std::shared_ptr<ipc::Channel> channel = children_[i].control;
    if (!channel || children_[i].generation == generation_) continue;
    Result<ipc::Done> committed = transient("it was not asked");
    if (supervisor_->process(i).state == ProcessState::running) {
      control::Commit commit;
      committed = co_await channel->call(std::move(commit), kPrepareTimeout);
    }
    if (children_[i].control != channel) continue;
    if (committed) {
      children_[i].generation = generation_;
      continue;
    }
    log_.warning("toastd.reload.restart",
                 {{"process", channel->peer()}, {"reason", committed.error().detail}});
    kill_child(i, SIGKILL);
  }
  co_return Result<void>{};
}

void Master::finish_reload(const Result<void>& outcome) {
  last_reload_ = ReloadStatus{unix_seconds(clock_.wall()), outcome.has_value(),
                              outcome ? "" : outcome.error().detail};
  if (outcome)
    log_.info("toastd.reload.done");
  else
    log_.error("toastd.reload.refused",
               {{"reason", outcome.error().detail}, {"effect", "the old settings stay"}});
  note_change();
}

}  // namespace toast::master
