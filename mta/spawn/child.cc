#include "mta/spawn/child.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/this_coro.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/sandbox_build.h"
#include "mta/spawn/program_file.h"
#include "mta/spawn/program_input.h"

namespace toast::spawnd {
namespace {

constexpr int kComplaint = kProgramInput + 1;    // close-on-exec
constexpr int kOutOfTheWay = 16;                 // above all that a child gets
constexpr int kCannotBeRun = 126;                // with a complaint
constexpr std::size_t kMaxComplaint = 1024;      // fits into a pipe
constexpr const char* kAtSuccess = "/bin/true";  // what a checkpassword program executes

struct Pipe {
  Fd reading;
  Fd writing;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return system_error("pipe", "");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  // exec() takes non-const pointers and does not write through them.
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

// --- in the child. spawnd has one thread, so memory may be asked for between fork and exec.

[[noreturn]] void complain(std::string_view why) {
  why = why.substr(0, kMaxComplaint);
  [[maybe_unused]] const ssize_t n = ::write(kComplaint, why.data(), why.size());
  ::_exit(kCannotBeRun);
}
[[noreturn]] void complain_of(const char* call) {
  complain(std::string(call) + ": " + ::strerrordesc_np(errno));
}

void arrange(int input, int complaint) {
  const int in = ::fcntl(input, F_DUPFD_CLOEXEC, kOutOfTheWay);
  const int out = ::fcntl(complaint, F_DUPFD_CLOEXEC, kOutOfTheWay);
  if (in < 0 || out < 0 || ::dup3(out, kComplaint, O_CLOEXEC) < 0) ::_exit(kCannotBeRun);
  if (::dup2(in, kProgramInput) < 0) complain_of("dup2");
  // It reads to the end, and waits for that like on any pipe.
  ::fcntl(kProgramInput, F_SETFL, 0);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) complain_of("open /dev/null");
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::dup2(null, standard) < 0) complain_of("dup2");
  if (::syscall(SYS_close_range, kComplaint + 1, ~0U, 0) != 0) complain_of("close_range");
}

void limit(int resource, const char* name, std::uint64_t value) {
  rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &now);
  const rlim_t wanted = std::min<rlim_t>(value, now.rlim_max);
  const rlimit limits{wanted, wanted};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &limits) != 0) complain_of(name);
}

// Nobody but root can become somebody else; for the others it is the account that they have.
void become_account(const auth::ProgramAccount& account) {
  if (::geteuid() == 0) {
    if (::setgroups(account.groups.size(), account.groups.data()) != 0) complain_of("setgroups");
    if (::setresgid(account.gid, account.gid, account.gid) != 0) complain_of("setresgid");
    if (::setresuid(account.uid, account.uid, account.uid) != 0) complain_of("setresuid");
  }
  if (::getuid() == 0 || ::geteuid() != account.uid) complain("it would run as another account");
}

[[noreturn]] void run_in_child(const ProgramRun& run, char* const* argv, char* const* envp,
                               int input, int complaint, pid_t parent) {
  arrange(input, complaint);
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::setsid() < 0) complain_of("setsid");
  limit(RLIMIT_CORE, "RLIMIT_CORE", 0);
  if (!kSanitizerBuild) limit(RLIMIT_DATA, "RLIMIT_DATA", ProgramLimits::kMemoryBytes);
  limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", ProgramLimits::kDescriptors);
  limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", ProgramLimits::kFileBytes);
  become_account(run.account);
  // After the last change of account, which would undo it. If spawnd ends, so does this.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) complain_of("prctl");
  if (::getppid() != parent) ::_exit(kCannotBeRun);
  if (::chdir("/") != 0) complain_of("chdir /");
  ::umask(077);
  const Result<void> sound = check_program_file(run.path, run.account.uid);
  if (!sound) complain(sound.error().detail);
  ::execve(run.path.c_str(), argv, envp);
  complain("cannot run " + run.path + ": " + ::strerrordesc_np(errno));
}

}  // namespace

Result<Child> Child::start(const ProgramRun& run) {
  Result<Pipe> input = make_pipe();
  if (!input) return pass(input);
  Result<Pipe> complaint = make_pipe();
  if (!complaint) return pass(complaint);
  Result<void> written = write_all(input->writing, run.input.view(), "descriptor 3");
  if (!written) return pass(written);
  input->writing.reset();
  std::vector<std::string> arguments{run.path};
  arguments.insert(arguments.end(), run.arguments.begin(), run.arguments.end());
  arguments.emplace_back(kAtSuccess);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(run.environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", "");
  if (pid == 0)
    run_in_child(run, argv.data(), envp.data(), input->reading.get(), complaint->writing.get(),
                 parent);
  Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int error = errno;
  Child child(pid, std::move(handle), std::move(complaint->reading));
  if (!child.handle_) return system_error("pidfd_open", "", error);
  return child;
}

// Both: it may not have its group yet.
void Child::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::kill(-pid_, SIGKILL);
}

// Its number is its own, and its group's, until it is waited for.
int Child::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = 0;
  return status;
}

Child::~Child() {
  if (pid_ == 0) return;
  kill();
  reap();
}

Task<ExitVerdict> Child::wait(SteadyTime deadline) {
  bool late = false;
  {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor ended(executor, handle_.release());
    const Deadline patience(executor, deadline, [this, &late] {
      late = true;
      kill();
    });
    auto [ignored] = co_await ended.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    (void)ignored;
  }
  kill();  // what it has left behind
  const int status = reap();
  if (late)
    co_return ExitVerdict{auth::CheckByProgram::Verdict::unknown,
                          "it was killed: no answer in time"};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCannotBeRun) {
    std::string why(kMaxComplaint, '\0');
    const ssize_t got = ::read(complaint_.get(), why.data(), why.size());
    why.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (!why.empty()) co_return ExitVerdict{auth::CheckByProgram::Verdict::unknown, std::move(why)};
  }
  co_return exit_verdict(status);
}

}  // namespace toast::spawnd
