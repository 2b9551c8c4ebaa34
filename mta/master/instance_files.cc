#include "mta/master/instance_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

namespace toast::master {
namespace {

constexpr std::size_t kMaxPidText = 32;
// control/ is judged, more strictly, where it is read.
constexpr const char* kGuarded[] = {"",         "/run", "/queue",      "/mail",    "/db",
                                    "/db-auth", "/tls", "/relay-auth", "/db-admin"};

// Whoever may write one of these can put mail, accounts or passwords in the place of ours.
Result<void> check_modes(const std::string& root) {
  for (const char* part : kGuarded) {
    const std::string path = root + part;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) continue;  // its keeper says what it misses
    if ((status.st_mode & S_IWOTH) == 0) continue;
    return permanent(fmt::format("{}: mode {:04o} lets everybody write it: chmod o-w {}", path,
                                 status.st_mode & 07777U, path));
  }
  return {};
}

}  // namespace

Result<Fd> lock_instance(const std::string& root) {
  const std::string path = root + "/" + std::string(kLockName);
  Result<Fd> lock = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
  if (!lock) return pass(lock, "no instance here (toastctl init makes one)");
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return system_error("lock", path);
  Result<std::string> pid = read_all(*lock, kMaxPidText, path);
  std::string owner = pid ? *pid : "";
  while (!owner.empty() && owner.back() == '\n') owner.pop_back();
  return permanent("another toastd (pid " + owner + ") runs this instance and holds " + path);
}

Result<void> write_lock_pid(const Fd& lock, pid_t pid) {
  if (::ftruncate(lock.get(), 0) != 0) return system_error("ftruncate", kLockName);
  if (::lseek(lock.get(), 0, SEEK_SET) < 0) return system_error("lseek", kLockName);
  return write_all(lock, std::to_string(pid) + "\n", kLockName);
}

Result<void> make_run_directories(const std::string& root) {
  if (Result<void> safe = check_modes(root); !safe) return safe;
  const std::string metrics = root + "/run/metrics";
  if (::mkdir(metrics.c_str(), 0755) != 0 && errno != EEXIST) return system_error("mkdir", metrics);
  return {};
}

Result<void> make_relay_folder(const std::string& root, const std::optional<Account>& owner) {
  const std::string path = root + "/relay-auth";
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return {};
    return system_error("mkdir", path);
  }
  if (owner && ::chown(path.c_str(), owner->uid, owner->gid) != 0)
    return system_error("chown", path);
  return {};
}

std::string status_json(const InstanceStatus& status) {
  using nlohmann::json;
  json out = {{"pid", status.pid},          {"state", status.state},
              {"version", TOAST_VERSION},   {"unprivileged", status.unprivileged},
              {"started", status.started},  {"listeners", json::array()},
              {"processes", json::array()}, {"sandbox_gaps", status.sandbox_gaps},
              {"reload", nullptr},          {"warnings", status.warnings}};
  if (status.listeners != nullptr)
    for (const Listener& listener : *status.listeners)
      out["listeners"].push_back({{"name", listener.name},
                                  {"configured", listener.configured},
                                  {"address", listener.bound}});
  for (const ProcessStatus& process : status.processes)
    out["processes"].push_back({{"name", process.spec.name()},
                                {"program", process.spec.program->name},
                                {"instance", process.spec.instance},
                                {"pid", process.pid},
                                {"state", state_word(process.state)},
                                {"since", process.since},
                                {"restarts", process.restarts},
                                {"last_exit", process.last_exit}});
  if (status.reload)
    out["reload"] = {
        {"at", status.reload->at}, {"ok", status.reload->ok}, {"reason", status.reload->reason}};
  // Error texts may quote bytes of files; what is not UTF-8 is replaced, never thrown about.
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<void> write_status(const std::string& root, const InstanceStatus& status) {
  const std::string path = root + "/" + std::string(kStatusName);
  const std::string temporary = path + ".tmp";
  Result<Fd> file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
  if (!file) return pass(file);
  Result<void> written = write_all(*file, status_json(status), temporary);
  if (!written) return written;
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("rename", temporary);
  return {};
}

}  // namespace toast::master
