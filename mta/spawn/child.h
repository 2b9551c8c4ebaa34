// One run of a program: fork, become its account, exec, wait, and at the end nothing of it is left.
// The child has a session of its own, `/` as its folder, /dev/null as descriptors 0, 1 and 2, what
// it is told on descriptor 3, no other descriptor, limits, and no core. What it says on its outputs
// goes nowhere: it might be the password.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "auth/programs/program_account.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/secret.h"
#include "mta/spawn/exit_verdict.h"

namespace toast::spawnd {

struct ProgramRun {
  std::string path;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  auth::ProgramAccount account;
  Secret input;  // kMaxProgramInput at most, so that it fits into a pipe
};

// Of each program, beside the time that it has.
struct ProgramLimits {
  static constexpr std::uint64_t kMemoryBytes = 1ULL
                                                << 30U;  // RLIMIT_DATA: an interpreter, generously
  static constexpr std::uint64_t kDescriptors = 256;
  static constexpr std::uint64_t kFileBytes = 64ULL << 20U;  // a log of its own, a small database
};

// A started program. Its process group is killed when this goes, at the latest.
class Child {
 public:
  // Errors are transient: no process, no descriptor.
  [[nodiscard]] static Result<Child> start(const ProgramRun& run);
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)),
        handle_(std::move(other.handle_)),
        complaint_(std::move(other.complaint_)) {}
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  // Until its end, or until `deadline`, when it is killed. What it has started in its process group
  // does not outlive it.
  Task<ExitVerdict> wait(SteadyTime deadline);
  void kill();

 private:
  Child(pid_t pid, Fd handle, Fd complaint)
      : pid_(pid), handle_(std::move(handle)), complaint_(std::move(complaint)) {}
  int reap();

  pid_t pid_ = 0;  // 0: waited for
  Fd handle_;      // pidfd: readable when it has ended
  Fd complaint_;   // why it could not be executed; closed by exec
};

}  // namespace toast::spawnd
