#include "mta/master/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/control_messages.h"

namespace toast::master {
namespace {

constexpr int kMaxGroups = 64;  // of one service account

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  // exec() takes non-const pointers and does not write through them.
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void fail_in_child(const char* doing) {
  const char* reason = ::strerrordesc_np(errno);
  for (const char* part : {"toastd: cannot ", doing, ": ", reason, "\n"}) {
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, part, std::strlen(part));
  }
  ::_exit(kCannotExecute);
}

void arrange_descriptors(int control, bool is_child) {
  constexpr int kControl = control::kControlDescriptor;
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  if (is_child) ::dup2(STDERR_FILENO, STDOUT_FILENO);
  if (control == kControl)
    ::fcntl(control, F_SETFD, 0);
  else if (::dup2(control, kControl) < 0)
    fail_in_child("hand over the control channel");
  ::syscall(SYS_close_range, kControl + 1, ~0U, 0);  // all have O_CLOEXEC; this is the second lock
}

void become(const Account& account) {
  if (::setgroups(account.groups.size(), account.groups.data()) != 0)
    fail_in_child("set the groups");
  if (::setresgid(account.gid, account.gid, account.gid) != 0) fail_in_child("set the group");
  if (::setresuid(account.uid, account.uid, account.uid) != 0) fail_in_child("set the user");
}

void reset_signals(bool is_child) {
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  if (is_child) std::signal(SIGTERM, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

Result<Account> find_account(const std::string& name) {
  errno = 0;
  const passwd* entry = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  if (entry == nullptr)
    return permanent("no system account \"" + name +
                     "\" (the package makes the accounts; --unprivileged"
                     " runs everything as the calling user)");
  if (entry->pw_uid == 0)
    return permanent("account \"" + name + "\" is root; give it one of its own");
  Account account{entry->pw_uid, entry->pw_gid, std::vector<gid_t>(kMaxGroups)};
  int count = kMaxGroups;
  if (::getgrouplist(name.c_str(), account.gid, account.groups.data(), &count) < 0)
    return permanent("account \"" + name + "\" is in too many groups");
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

Result<pid_t> launch(const Launch& what, const Fd& control) {
  std::vector<std::string> arguments{what.path};
  arguments.insert(arguments.end(), what.arguments.begin(), what.arguments.end());
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(what.environment);
  // Blocked from here until the child has dropped our handlers: a signal that reached them in the
  // child would count as one to toastd.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid != 0) {
    const int error = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return system_error("fork", what.path, error);
    return pid;
  }
  reset_signals(what.is_child);
  arrange_descriptors(control.get(), what.is_child);
  if (what.account) become(*what.account);
  ::execve(what.path.c_str(), argv.data(), envp.data());
  fail_in_child(what.path.c_str());
}

void raise_limits() {
  constexpr rlim_t kFrontEndDescriptors = 262144;  // base/sandbox_policy.cc
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit wanted{kFrontEndDescriptors, kFrontEndDescriptors};
  if (limit.rlim_max < wanted.rlim_max) ::setrlimit(RLIMIT_NOFILE, &wanted);  // only root may
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  ::setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

std::string describe_exit(int wait_status) {
  if (WIFEXITED(wait_status)) {
    const int code = WEXITSTATUS(wait_status);
    return code == kCannotExecute ? "could not be executed" : "exit " + std::to_string(code);
  }
  const int number = WTERMSIG(wait_status);
  const char* name = ::sigdescr_np(number);
  return "signal " + std::to_string(number) + " (" + (name == nullptr ? "?" : name) + ")";
}

}  // namespace toast::master
