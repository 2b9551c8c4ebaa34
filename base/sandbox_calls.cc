// seccomp: the system calls a program may make, by name. Everything else is refused, or kills in
// tests. For who starts other programs: those that none of these may make.
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <span>

#include "base/fd.h"
#include "base/sandbox.h"
#include "base/sandbox_build.h"

namespace toast {
namespace {

using Names = std::span<const char* const>;

constexpr const char* kAlways[] = {
    // descriptors it has
    "read", "write", "readv", "writev", "pread64", "preadv", "preadv2", "close", "close_range",
    "lseek", "fstat", "newfstatat", "dup", "dup3", "fcntl", "sendfile", "splice",
    // memory (mmap and mprotect: below, without PROT_EXEC)
    "brk", "munmap", "mremap", "madvise", "mincore", "membarrier",
    // waiting and time
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "poll",
    "ppoll", "select", "pselect6", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "restart_syscall", "pipe2",
    // threads and signals to itself (clone, tgkill, kill: below)
    "futex", "futex_waitv", "rseq", "set_robust_list", "get_robust_list", "set_tid_address",
    "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "signalfd4",
    "exit", "exit_group", "gettid", "getpid", "getppid",
    // who and where am I
    "getuid", "geteuid", "getgid", "getegid", "getrandom", "getrusage", "getrlimit", "sysinfo",
    "uname", "times", "getcpu", "umask"};

constexpr const char* kSockets[] = {
    "accept",   "accept4",  "recvfrom",    "recvmsg",     "recvmmsg",   "sendto",    "sendmsg",
    "sendmmsg", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt"};

constexpr const char* kReadFiles[] = {
    "open",   "openat",    "openat2",    "stat",       "lstat",    "statx",
    "access", "faccessat", "faccessat2", "getdents64", "readlink", "readlinkat",
    "statfs", "fstatfs",   "fadvise64",  "readahead",  "getcwd",   "name_to_handle_at"};

constexpr const char* kChangeFiles[] = {
    "pwrite64", "pwritev",   "pwritev2",        "fsync",       "fdatasync", "sync_file_range",
    "syncfs",   "msync",     "ftruncate",       "fallocate",   "flock",     "link",
    "linkat",   "unlink",    "unlinkat",        "rename",      "renameat",  "renameat2",
    "mkdir",    "mkdirat",   "rmdir",           "chmod",       "fchmod",    "fchmodat",
    "fchown",   "utimensat", "copy_file_range", "memfd_create"};

// AddressSanitizer and LeakSanitizer: reading /proc/self, stopping their own threads at exit.
constexpr const char* kSanitizers[] = {"open",   "openat",     "readlink",    "readlinkat",
                                       "access", "getdents64", "clone",       "clone3",
                                       "ptrace", "wait4",      "kill",        "tgkill",
                                       "prctl",  "arch_prctl", "personality", "process_vm_readv",
                                       "mmap",   "mprotect",   "prlimit64",   "ioctl",
                                       "stat",   "socket",     "capget"};

// What no program that an account may run has a need for: changing the machine, its mounts and
// namespaces, its kernel, and looking into other processes.
constexpr const char* kNotForPrograms[] = {"mount",
                                           "umount2",
                                           "pivot_root",
                                           "chroot",
                                           "move_mount",
                                           "open_tree",
                                           "fsopen",
                                           "fsmount",
                                           "fsconfig",
                                           "fspick",
                                           "mount_setattr",
                                           "unshare",
                                           "setns",
                                           "init_module",
                                           "finit_module",
                                           "delete_module",
                                           "kexec_load",
                                           "kexec_file_load",
                                           "reboot",
                                           "swapon",
                                           "swapoff",
                                           "acct",
                                           "quotactl",
                                           "quotactl_fd",
                                           "bpf",
                                           "perf_event_open",
                                           "userfaultfd",
                                           "process_vm_readv",
                                           "process_vm_writev",
                                           "pidfd_getfd",
                                           "kcmp",
                                           "add_key",
                                           "request_key",
                                           "keyctl",
                                           "io_uring_setup",
                                           "io_uring_enter",
                                           "io_uring_register",
                                           "settimeofday",
                                           "clock_settime",
                                           "clock_adjtime",
                                           "adjtimex",
                                           "sethostname",
                                           "setdomainname",
                                           "syslog",
                                           "iopl",
                                           "ioperm",
                                           "open_by_handle_at",
                                           "vhangup"};

std::uint32_t action_for(OnForbiddenCall on_forbidden) {
  return on_forbidden == OnForbiddenCall::kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
}

class Filter {
 public:
  // `otherwise`: what becomes of calls that are not named.
  explicit Filter(std::uint32_t otherwise) : context_(::seccomp_init(otherwise)) {}

  void allow(Names names) {
    for (const char* name : names) add(SCMP_ACT_ALLOW, name, {});
  }
  void allow_if(const char* name, scmp_arg_cmp condition) {
    add(SCMP_ACT_ALLOW, name, {&condition, 1});
  }
  void forbid(Names names, std::uint32_t action) {
    for (const char* name : names) add(action, name, {});
  }
  void answer(const char* name, int error) {
    add(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), name, {});
  }
  // 0, or the negative error of the first step that failed.
  int load() {
    if (error_ == 0) error_ = ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    if (error_ == 0) error_ = ::seccomp_load(context_.get());
    return error_;
  }
  bool made() const { return context_ != nullptr; }

 private:
  struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
  };
  void add(std::uint32_t action, const char* name, std::span<const scmp_arg_cmp> conditions) {
    const int call = ::seccomp_syscall_resolve_name(name);
    if (call < 0 || error_ != 0) return;  // not on this architecture, or not known to libseccomp
    error_ = ::seccomp_rule_add_array(context_.get(), action, call,
                                      static_cast<unsigned>(conditions.size()), conditions.data());
    if (error_ == -EEXIST) error_ = 0;
  }
  std::unique_ptr<void, Release> context_;
  int error_ = 0;
};

scmp_arg_cmp argument_is(unsigned position, std::uint64_t value) {
  return {position, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp argument_has(unsigned position, std::uint64_t mask, std::uint64_t value) {
  return {position, SCMP_CMP_MASKED_EQ, mask, value};
}

// Calls that are right with some arguments and wrong with others.
void allow_by_argument(Filter& filter) {
  // Memory is never executable: what is not in the program file now will not run.
  filter.allow_if("mmap", argument_has(2, PROT_EXEC, 0));
  filter.allow_if("mprotect", argument_has(2, PROT_EXEC, 0));
  // Threads, not processes. A filter cannot see clone3's flags, so glibc is told that there is none
  // and falls back to clone.
  filter.answer("clone3", ENOSYS);
  filter.allow_if("clone", argument_has(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
  const auto self = static_cast<std::uint64_t>(::getpid());
  filter.allow_if("tgkill", argument_is(0, self));  // abort()
  filter.allow_if("kill", argument_is(0, self));
  filter.allow_if("ioctl", argument_is(1, FIONBIO));
  filter.allow_if("ioctl", argument_is(1, FIONREAD));
  filter.allow_if("prctl", argument_is(0, PR_SET_NAME));
  constexpr std::uint64_t kPrSetVma = 0x53564d41;  // malloc of newer C libraries names its memory
  filter.allow_if("prctl", argument_is(0, kPrSetVma));
  filter.allow_if("prlimit64", argument_is(2, 0));  // asks, does not set
}

// To other hosts, and to local sockets (LMTP). Netlink tells a resolver which addresses this host
// has; without rights it changes nothing. socketpair: a resolver's thread is talked to by one.
void allow_connecting(Filter& filter) {
  constexpr const char* kConnect[] = {"connect", "bind", "socketpair"};
  filter.allow(kConnect);
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
    filter.allow_if("socket", argument_is(0, static_cast<std::uint64_t>(family)));
}

Result<SandboxGaps> load_filter(Filter& filter, const SandboxPolicy& policy) {
  const int error = filter.load();
  if (error != 0) return system_error("seccomp", policy.program, -error);
  return SandboxGaps{};
}

Result<SandboxGaps> restrict_calls_of_programs(const SandboxPolicy& policy,
                                               OnForbiddenCall on_forbidden) {
  Filter filter(SCMP_ACT_ALLOW);
  if (!filter.made()) return transient("seccomp: out of memory");
  filter.forbid(kNotForPrograms, action_for(on_forbidden));
  constexpr const char* kTracing[] = {"ptrace"};  // LeakSanitizer's, too
  if (!kSanitizerBuild) filter.forbid(kTracing, action_for(on_forbidden));
  return load_filter(filter, policy);
}

}  // namespace

Result<SandboxGaps> restrict_calls(const SandboxPolicy& policy, OnForbiddenCall on_forbidden) {
  if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
    return SandboxGaps{"seccomp is not in this kernel: system calls are not filtered"};
  if ((policy.calls & kCallsPrograms) != 0) return restrict_calls_of_programs(policy, on_forbidden);
  Filter filter(action_for(on_forbidden));
  if (!filter.made()) return transient("seccomp: out of memory");
  filter.allow(kAlways);
  if ((policy.calls & kCallsSockets) != 0) filter.allow(kSockets);
  if ((policy.calls & kCallsReadFiles) != 0) filter.allow(kReadFiles);
  if ((policy.calls & kCallsChangeFiles) != 0) filter.allow(kChangeFiles);
  if ((policy.calls & kCallsConnect) != 0) allow_connecting(filter);
  if (kSanitizerBuild) filter.allow(kSanitizers);
  if (!kSanitizerBuild) allow_by_argument(filter);
  return load_filter(filter, policy);
}

}  // namespace toast
