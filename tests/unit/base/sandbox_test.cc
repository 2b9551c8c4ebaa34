// The sandbox against the real kernel: every test forks a child, which enters it and tries.
#include "base/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/fd.h"
#include "base/sandbox_build.h"
#include "base/settings.h"

namespace toast {
namespace {

constexpr int kSandboxFailed = 99;

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/toast_sandbox_XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    root_ = path;
    for (const char* folder : {"queue", "mail", "db", "db-auth", "tls", "relay-auth"}) {
      std::filesystem::create_directory(root_ + "/" + folder);
      std::ofstream(root_ + "/" + folder + "/file") << "content";
    }
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  std::string file(const std::string& folder) const { return root_ + "/" + folder + "/file"; }

  // Runs `attempt` in a sandboxed child; its wait status. `attempt` returns 0 for "as hoped".
  int status_of(const SandboxPolicy& policy, const std::function<int()>& attempt,
                OnForbiddenCall on_forbidden = OnForbiddenCall::refuse) const {
    const pid_t child = ::fork();
    if (child == 0) {
      Result<SandboxGaps> gaps = enter_sandbox(policy, root_, on_forbidden);
      if (!gaps) {
        std::fprintf(stderr, "%s\n", gaps.error().detail.c_str());
        ::_exit(kSandboxFailed);
      }
      ::_exit(attempt());
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
  // The errno that `call` (returning -1) ends in inside the sandbox of `program`; 0 for success.
  int errno_of(const char* program, const std::function<long()>& call) const {
    const int status = status_of(policy_for(program), [&] { return call() < 0 ? errno : 0; });
    EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
    return WEXITSTATUS(status);
  }
  std::string root_;
};

// --- files: who reaches which folder, for every program and folder

struct Reach {
  const char* program;
  std::string_view writes;
  std::string_view reads;
};
const Reach kReach[] = {
    {"toast-smtpd", "", ""},
    {"toast-pop3d", "", ""},
    {"toast-queued", "queue", ""},
    {"toast-maild", "mail", ""},
    {"toast-vdomaind", "db", "mail"},
    {"toast-authd", "db-auth", ""},
    {"toast-remoted", "", "relay-auth"},
    {"toast-keyd", "", "tls"},
    {"toast-unheard-of", "", ""},
};

TEST_F(Sandbox, EachProgramReachesItsFoldersOnly) {
  for (const Reach& c : kReach) {
    for (const std::string folder : {"queue", "mail", "db", "db-auth", "tls", "relay-auth"}) {
      SCOPED_TRACE(std::string(c.program) + " " + folder);
      const std::string path = file(folder);
      const int reading = errno_of(c.program, [&] { return ::open(path.c_str(), O_RDONLY); });
      const int writing = errno_of(c.program, [&] { return ::open(path.c_str(), O_RDWR); });
      EXPECT_EQ(reading == 0, folder == c.writes || folder == c.reads) << "errno " << reading;
      EXPECT_EQ(writing == 0, folder == c.writes) << "errno " << writing;
    }
    EXPECT_NE(errno_of(c.program, [] { return ::open("/etc/passwd", O_RDONLY); }), 0);
  }
}

TEST_F(Sandbox, KeeperWorksInItsFolder) {
  const auto work = [this] {
    const std::string name = file("queue") + ".new";
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || ::posix_fallocate(fd, 0, 4096) != 0 || ::pwrite(fd, "x", 1, 0) != 1 ||
        ::ftruncate(fd, 10) != 0 || ::fdatasync(fd) != 0)
      return 1;
    if (::rename(name.c_str(), file("queue").c_str()) != 0) return 2;
    if (::mkdir((root_ + "/queue/sub").c_str(), 0700) != 0) return 3;
    if (::rename(file("queue").c_str(), (root_ + "/queue/sub/file").c_str()) != 0) return 4;
    if (::unlink((root_ + "/queue/sub/file").c_str()) != 0) return 5;
    return ::rmdir((root_ + "/queue/sub").c_str()) == 0 ? 0 : 6;
  };
  EXPECT_EQ(status_of(policy_for("toast-queued"), work, OnForbiddenCall::kill), 0);
}

TEST_F(Sandbox, SqliteWorksWithItsWriteAheadLog) {
  const auto work = [this] {
    sqlite3* db = nullptr;
    if (sqlite3_open((root_ + "/db/directory.db").c_str(), &db) != SQLITE_OK) return 1;
    const char* script =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(a);"
        "INSERT INTO t VALUES (1); BEGIN; INSERT INTO t SELECT a+1 FROM t; COMMIT;"
        "PRAGMA wal_checkpoint(TRUNCATE); SELECT * FROM t;";
    if (sqlite3_exec(db, script, nullptr, nullptr, nullptr) != SQLITE_OK) return 2;
    return sqlite3_close(db) == SQLITE_OK ? 0 : 3;
  };
  EXPECT_EQ(status_of(policy_for("toast-vdomaind"), work, OnForbiddenCall::kill), 0);
}

// --- threads yes, processes and programs no

TEST_F(Sandbox, ThreadsMayStart) {
  const auto work = [] {
    std::atomic<int> sum = 0;
    {
      std::jthread a([&] { ++sum; });
      std::jthread b([&] { ++sum; });
    }
    return sum == 2 ? 0 : 1;
  };
  EXPECT_EQ(status_of(policy_for("toast-authd"), work, OnForbiddenCall::kill), 0);
}

TEST_F(Sandbox, NoNewProcessProgramSocketOrCode) {
  const auto exec = [] {
    char* const arguments[] = {nullptr};
    return static_cast<long>(::execv("/bin/true", arguments));
  };
  for (const char* program : {"toast-smtpd", "toast-maild"}) {
    SCOPED_TRACE(program);
    EXPECT_NE(errno_of(program, exec), 0);
    if (kSanitizerBuild) continue;  // their run-time library needs the calls below
    EXPECT_EQ(errno_of(program, [] { return static_cast<long>(::fork()); }), EPERM);
    EXPECT_EQ(errno_of(program, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }), EPERM);
    EXPECT_EQ(errno_of(program, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }), EPERM);
    EXPECT_EQ(errno_of(program,
                       [] {
                         void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                         return page == MAP_FAILED ? -1L : 0L;
                       }),
              EPERM);
    EXPECT_EQ(errno_of(program, [] { return ::kill(::getppid(), 0); }), EPERM);
    EXPECT_EQ(errno_of(program, [] { return ::setuid(0); }), EPERM);
  }
}

TEST_F(Sandbox, RemotedConnectsButNobodyElse) {
  sockaddr_in somewhere{};
  somewhere.sin_family = AF_INET;
  somewhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
  auto* const name = reinterpret_cast<sockaddr*>(&somewhere);
  socklen_t size = sizeof somewhere;
  ASSERT_EQ(::bind(listener.get(), name, size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), name, &size), 0);
  const auto connect = [&] {
    const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    if (!socket) return -1;
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0)
      return -1;
    return ::connect(socket.get(), name, size);
  };
  EXPECT_EQ(errno_of("toast-remoted", connect), 0);
  if (kSanitizerBuild) return;  // their run-time library needs sockets
  EXPECT_EQ(errno_of("toast-maild", connect), EPERM);
  EXPECT_EQ(errno_of("toast-remoted", [&] { return ::listen(::dup(listener.get()), 1); }), EPERM);
  EXPECT_EQ(errno_of("toast-remoted", [] { return ::socket(AF_PACKET, SOCK_RAW, 0); }), EPERM);
}

// It starts programs and becomes their accounts; of root's power no more is left, and none of it to
// the programs.
TEST_F(Sandbox, SpawndStartsProgramsAndHasNoOtherPower) {
  const auto capabilities = [](const char* kind) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with(kind)) return std::stoull(line.substr(8), nullptr, 16);
    return ~0ULL;
  };
  const bool root = ::geteuid() == 0;
  const unsigned long long kept =
      root ? (1ULL << CAP_SETUID) | (1ULL << CAP_SETGID) | (1ULL << CAP_KILL) : 0;
  const auto work = [&] {
    if (capabilities("CapPrm:") != kept || capabilities("CapEff:") != kept) return 1;
    const pid_t program = ::fork();
    if (program == 0) {
      if (root && (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0))
        ::_exit(2);
      if (capabilities("CapPrm:") != 0 || ::chroot("/") == 0 || errno != EPERM) ::_exit(3);
      ::execl("/bin/true", "true", static_cast<char*>(nullptr));
      ::_exit(4);
    }
    int status = 0;
    if (::waitpid(program, &status, 0) != program || !WIFEXITED(status)) return 5;
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(status_of(policy_for("toast-spawnd"), work), 0);
  const auto mount = [] { return static_cast<long>(::mount("a", "/", "b", 0, nullptr)); };
  EXPECT_EQ(errno_of("toast-spawnd", mount), EPERM);
}

TEST_F(Sandbox, FrontEndMayServeSocketsItWasGiven) {
  SocketPair pair = std::move(*make_socket_pair());
  const auto work = [&] {
    if (::send(pair.left.get(), "x", 1, 0) != 1) return 1;
    char byte = 0;
    return ::recv(pair.right.get(), &byte, 1, 0) == 1 && byte == 'x' ? 0 : 2;
  };
  EXPECT_EQ(status_of(policy_for("toast-smtpd"), work, OnForbiddenCall::kill), 0);
}

TEST(SandboxPolicies, OnlyKeepersOfDatabasesConnectAndOnlyWhereThoseAreElsewhere) {
  const Settings here = Settings::defaults("mx.test").value();
  const Settings elsewhere =
      Settings::parse_or_error({{"me", "mx.test"}, {"databasebackend", "mariadb"}}).value();
  for (const Reach& row : kReach) {
    SCOPED_TRACE(row.program);
    const unsigned usual = policy_for(row.program).calls;
    const bool keeper = std::string_view(row.program) == "toast-vdomaind" ||
                        std::string_view(row.program) == "toast-authd";
    EXPECT_EQ(policy_for(row.program, here).calls, usual);
    EXPECT_EQ(policy_for(row.program, elsewhere).calls, keeper ? usual | kCallsConnect : usual);
  }
}

TEST_F(Sandbox, ForbiddenCallKillsWhenAsked) {
  const auto work = [] { return ::chroot("/") == 0 ? 1 : 0; };
  const int status = status_of(policy_for("toast-smtpd"), work, OnForbiddenCall::kill);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

// --- the rest

TEST_F(Sandbox, RightsAreGone) {
  const auto work = [] {
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 1;
    if (!kSanitizerBuild && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) return 2;
    rlimit limit{};
    if (::getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0) return 3;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > 4096) return 4;
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_max != 0) return 6;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("CapEff:") || line.starts_with("CapPrm:"))
        if (line.find_first_not_of("0", 8) != std::string::npos) return 5;
    return 0;
  };
  SandboxPolicy policy = policy_for("toast-authd");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(restrict_rights(policy, root_) ? work() : kSandboxFailed);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// The right to lock memory is all that may be left, and only where the limit of it stays.
TEST_F(Sandbox, KeydKeepsNoRightButToLockMemory) {
  const auto work = [] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct left[2] = {};
    if (::syscall(SYS_capget, &header, left) != 0) return 1;
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    const unsigned most = limit.rlim_max == RLIM_INFINITY ? 0 : 1U << CAP_IPC_LOCK;
    return (left[0].permitted & ~most) == 0 && left[1].permitted == 0 ? 0 : 2;
  };
  const pid_t child = ::fork();
  if (child == 0) ::_exit(restrict_rights(policy_for("toast-keyd"), root_) ? work() : 3);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Sandbox, MemoryIsLimited) {
  if (kSanitizerBuild) return;  // they reserve terabytes
  SandboxPolicy policy = policy_for("toast-authd");
  policy.max_memory_bytes = 64 << 20;
  const auto work = [] {
    void* block =
        ::mmap(nullptr, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED && errno == ENOMEM ? 0 : 1;
  };
  EXPECT_EQ(status_of(policy, work), 0);
}

TEST_F(Sandbox, MissingFolderIsAnErrorThatNamesIt) {
  std::filesystem::remove_all(root_ + "/queue");
  const pid_t child = ::fork();
  if (child == 0) {
    Result<SandboxGaps> gaps = restrict_rights(policy_for("toast-queued"), root_);
    const bool named = !gaps && gaps.error().detail.find(root_ + "/queue") != std::string::npos;
    ::_exit(named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Sandbox, ThreadsBeforeItAreRefused) {
  if (kThreadSanitizerBuild) return;  // always has one more
  const pid_t child = ::fork();
  if (child == 0) {
    std::atomic<bool> stop = false;
    std::jthread thread([&] {
      while (!stop) std::this_thread::yield();
    });
    const bool refused = !restrict_rights(policy_for("toast-authd"), root_);
    stop = true;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Sandbox, ThreadsBeforeTheFilterAreFiltered) {
  const pid_t child = ::fork();
  if (child == 0) {
    const SandboxPolicy policy = policy_for("toast-authd");
    if (!restrict_rights(policy, root_)) ::_exit(kSandboxFailed);
    std::atomic<bool> filtered = false;
    std::atomic<int> error = 0;
    std::thread thread([&] {
      while (!filtered) std::this_thread::yield();
      error = ::chroot("/") == 0 ? 0 : errno;
    });
    if (!restrict_calls(policy, OnForbiddenCall::refuse)) ::_exit(kSandboxFailed);
    filtered = true;
    thread.join();
    ::_exit(error == EPERM ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace toast
