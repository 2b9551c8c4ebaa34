// What toastd keeps in run/: the lock that makes it the only one, a page of counters per process,
// and status.json, which toastctl status reads:
//   {"pid": 17, "state": "ready", "version": "0.1.0", "unprivileged": true, "started": 1800000000,
//    "listeners": [{"name": "smtp", "configured": "127.0.0.1:0", "address": "127.0.0.1:40123"}],
//    "processes": [{"name": "toast-smtpd.0", "program": "toast-smtpd", "instance": 0, "pid": 18,
//                   "state": "running", "since": 1800000001, "restarts": 0, "last_exit": ""}],
//    "sandbox_gaps": ["Landlock ABI 2: ..."],
//    "reload": {"at": 1800000002, "ok": false, "reason": "control/databytes:1: ..."},
//    "warnings": ["control/rcpthosts: not used: ..."]}
// Times are Unix seconds; pid 0: not running. "state": starting, ready, stopping. The file stays
// behind after a stop; whether toastd runs is told by the lock.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "mta/master/launch.h"
#include "mta/master/listeners.h"
#include "mta/master/supervisor.h"

namespace toast::master {

inline constexpr std::string_view kLockName = "run/toastd.lock";
inline constexpr std::string_view kStatusName = "run/status.json";

// The lock belongs to the open file, so it can be handed to a successor and is free when the last
// holder ends, however it ends. Error when another toastd runs: its pid.
[[nodiscard]] Result<Fd> lock_instance(const std::string& root);
[[nodiscard]] Result<void> write_lock_pid(const Fd& lock, pid_t pid);

// Refuses an instance whose folders everybody may write.
[[nodiscard]] Result<void> make_run_directories(const std::string& root);
// relay-auth/, in an instance that was made before there was one. `owner`: toast-remoted's account;
// none: the caller's.
[[nodiscard]] Result<void> make_relay_folder(const std::string& root,
                                             const std::optional<Account>& owner);

struct ProcessStatus {
  ProcessSpec spec;
  pid_t pid = 0;
  ProcessState state = ProcessState::waiting;
  std::int64_t since = 0;
  std::uint64_t restarts = 0;
  std::string last_exit;
};
struct ReloadStatus {
  std::int64_t at = 0;
  bool ok = true;
  std::string reason;
};
struct InstanceStatus {
  pid_t pid = 0;
  std::string state;
  bool unprivileged = false;
  std::int64_t started = 0;
  const std::vector<Listener>* listeners = nullptr;
  std::vector<ProcessStatus> processes;
  std::vector<std::string> sandbox_gaps;
  std::optional<ReloadStatus> reload;
  std::vector<std::string> warnings;
};
std::string status_json(const InstanceStatus& status);
// Readers see the old file or the new one. Not synced: run/ does not outlive the machine's uptime.
[[nodiscard]] Result<void> write_status(const std::string& root, const InstanceStatus& status);

}  // namespace toast::master
