// No-new-privs, non-dumpable, limits, capabilities, Landlock.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/fd.h"
#include "base/sandbox.h"
#include "base/sandbox_build.h"

namespace toast {
namespace {

// Debian 12's header stops at ABI 2; the numbers are the kernel's, for good.
constexpr std::uint64_t kFsTruncate = 1ULL << 14U;  // ABI 3
constexpr std::uint64_t kFsIoctlDev = 1ULL << 15U;  // ABI 5
constexpr std::uint64_t kNetBindTcp = 1ULL << 0U;   // ABI 4
constexpr std::uint64_t kNetConnectTcp = 1ULL << 1U;
constexpr std::uint64_t kScopeAbstractUnixSocket = 1ULL << 0U;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1ULL << 1U;

struct RulesetAttributes {  // struct landlock_ruleset_attr as of ABI 6
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint32_t kLockMemory = 1U << CAP_IPC_LOCK;

constexpr std::uint64_t kReadRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriteRights =
    kReadRights | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_REFER | kFsTruncate;

struct LandlockAbi {
  long version;
  std::string_view gap;  // what an older kernel lets through
};
constexpr LandlockAbi kAbis[] = {
    {2, "files cannot be moved between folders (needs Linux 5.19)"},
    {3, "truncating files is not restricted (needs Linux 6.2)"},
    {4, "TCP ports are not restricted (needs Linux 6.7)"},
    {5, "device ioctls are not restricted (needs Linux 6.10)"},
    {6, "signals and abstract sockets are not restricted (needs Linux 6.12)"},
};

RulesetAttributes attributes_for(long abi, bool connects) {
  RulesetAttributes attributes;
  attributes.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;  // all of ABI 1
  if (abi >= 2) attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) attributes.handled_access_fs |= kFsTruncate;
  // Mail goes to any port that a route or an LMTP server has.
  if (abi >= 4 && !connects) attributes.handled_access_net = kNetBindTcp | kNetConnectTcp;
  if (abi >= 5) attributes.handled_access_fs |= kFsIoctlDev;
  if (abi >= 6) attributes.scoped = kScopeAbstractUnixSocket | kScopeSignal;
  return attributes;
}

std::size_t attributes_size(long abi) {
  if (abi < 4) return sizeof(std::uint64_t);
  return abi < 6 ? 2 * sizeof(std::uint64_t) : sizeof(RulesetAttributes);
}

Result<void> allow_path(const Fd& ruleset, const std::string& path, std::uint64_t rights) {
  Result<Fd> folder = open_file(path, O_PATH);
  if (!folder) return pass(folder, "sandbox");
  landlock_path_beneath_attr beneath{.allowed_access = rights, .parent_fd = folder->get()};
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
    return system_error("landlock_add_rule", path);
  return {};
}

Result<void> restrict_files(const SandboxPolicy& policy, const std::string& root,
                            SandboxGaps& gaps) {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    gaps.emplace_back("Landlock is not in this kernel: files are protected by their modes only");
    return {};
  }
  for (const LandlockAbi& known : kAbis)
    if (abi < known.version) gaps.push_back(fmt::format("Landlock ABI {}: {}", abi, known.gap));
  const RulesetAttributes attributes = attributes_for(abi, (policy.calls & kCallsConnect) != 0);
  const Fd ruleset(static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, &attributes, attributes_size(abi), 0)));
  if (!ruleset) return system_error("landlock_create_ruleset", "");
  for (const SandboxPath& path : policy.paths) {
    const std::uint64_t rights = path.access == PathAccess::write ? kWriteRights : kReadRights;
    Result<void> allowed =
        allow_path(ruleset, root + "/" + path.below_root, rights & attributes.handled_access_fs);
    if (!allowed) return allowed;
  }
  if (kSanitizerBuild) {
    Result<void> allowed = allow_path(ruleset, "/proc", kReadRights);
    if (!allowed) return allowed;
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return system_error("landlock_restrict_self", "");
  return {};
}

// As many as wanted, or as many as we may: a front end with fewer descriptors still serves. Below
// this it is worth a word to the operator.
constexpr std::uint64_t kFewDescriptors = 4096;
void limit_descriptors(std::uint64_t wanted, SandboxGaps& gaps) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t possible = std::min<rlim_t>(wanted, limit.rlim_max);
  if (possible < std::min(wanted, kFewDescriptors))
    gaps.push_back(fmt::format("at most {} descriptors, not {} (raise the hard limit: ulimit -Hn)",
                               possible, wanted));
  limit = {possible, possible};
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

bool may_lock_memory_beyond_limit() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct now[2] = {};
  return ::syscall(SYS_capget, &header, now) == 0 && (now[0].effective & kLockMemory) != 0;
}

// Without a limit only: under one, an allocation that reached it would fail. toastd takes the limit
// away while it has the right to; else the capability that stands above it is kept. Pages are
// locked as they are touched, so this costs no memory. Returns the capabilities to keep.
std::uint32_t lock_memory(SandboxGaps& gaps) {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  const bool has_limit = ::setrlimit(RLIMIT_MEMLOCK, &unlimited) != 0;
  if ((has_limit && !may_lock_memory_beyond_limit()) ||
      ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
    gaps.emplace_back("locked memory: private keys may get into swap space (ulimit -Hl unlimited)");
    return 0;
  }
  return has_limit ? kLockMemory : 0;
}

Result<void> limit_resources(const SandboxPolicy& policy, SandboxGaps& gaps) {
  const rlimit no_core{0, 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return system_error("setrlimit", "core");
  limit_descriptors(policy.max_descriptors, gaps);
  const rlimit no_locked_memory{0, 0};
  if (!policy.locks_memory && ::setrlimit(RLIMIT_MEMLOCK, &no_locked_memory) != 0)
    return system_error("setrlimit", "locked memory");
  if (!kSanitizerBuild && policy.max_memory_bytes != 0) {
    rlimit limit{};
    ::getrlimit(RLIMIT_DATA, &limit);
    const rlim_t bytes = std::min<rlim_t>(policy.max_memory_bytes, limit.rlim_max);
    limit = {bytes, bytes};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0) return system_error("setrlimit", "data");
  }
  return {};
}

// Of root, to become another account and to end what runs as one; whoever is not root has none.
std::uint32_t account_capabilities(const SandboxPolicy& policy) {
  if ((policy.calls & kCallsPrograms) == 0 || ::geteuid() != 0) return 0;
  return (1U << CAP_SETUID) | (1U << CAP_SETGID) | (1U << CAP_KILL);
}

Result<void> drop_capabilities(std::uint32_t kept) {
  // The bounding set can be emptied by root only; for anybody else it has no effect after
  // no-new-privs.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct left[2] = {};
  left[0].effective = left[0].permitted = kept;
  if (::syscall(SYS_capset, &header, left) != 0) return system_error("capset", "");
  return {};
}

std::size_t count_threads() {
  std::error_code error;
  std::filesystem::directory_iterator tasks("/proc/self/task", error);
  if (error) return 1;  // no /proc: nothing to count with
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

}  // namespace

Result<SandboxGaps> restrict_rights(const SandboxPolicy& policy, const std::string& root) {
  if (!kThreadSanitizerBuild && count_threads() > 1)
    return permanent(policy.program + " started threads before its sandbox: they would stay free");
  SandboxGaps gaps;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("no-new-privs", "");
  // LeakSanitizer traces its own process at exit.
  if (!kSanitizerBuild && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return system_error("non-dumpable", "");
  Result<void> limited = limit_resources(policy, gaps);
  if (!limited) return pass(limited);
  if ((policy.calls & kCallsPrograms) == 0) {
    Result<void> files = restrict_files(policy, root, gaps);
    if (!files) return pass(files);
  }
  std::uint32_t kept = account_capabilities(policy);
  if (policy.locks_memory && !kSanitizerBuild)  // whose shadow memory is terabytes
    kept |= lock_memory(gaps);
  Result<void> dropped = drop_capabilities(kept);
  if (!dropped) return pass(dropped);
  return gaps;
}

Result<SandboxGaps> enter_sandbox(const SandboxPolicy& policy, const std::string& root,
                                  OnForbiddenCall on_forbidden) {
  Result<SandboxGaps> gaps = restrict_rights(policy, root);
  if (!gaps) return gaps;
  Result<SandboxGaps> more = restrict_calls(policy, on_forbidden);
  if (!more) return more;
  gaps->insert(gaps->end(), more->begin(), more->end());
  return gaps;
}

}  // namespace toast
