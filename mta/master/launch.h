// fork and exec of one program: descriptor 3 is its control channel, nothing else is inherited but
// standard error; it runs as its own account.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace toast::master {

// A system account as it stood when toastd started.
struct Account {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};
[[nodiscard]] Result<Account> find_account(const std::string& name);

struct Launch {
  std::string path;                    // of the program
  std::vector<std::string> arguments;  // argv[1..]
  std::vector<std::string> environment;
  std::optional<Account> account;  // none: the caller's
  // A program, not another toastd: its standard output goes where standard error goes, and a
  // SIGTERM to the whole process group is left to toastd, which drains in order.
  bool is_child = true;
};
// The child's pid. `control` becomes its descriptor 3. A program that cannot be executed exits with
// kCannotExecute, after a line on standard error.
[[nodiscard]] Result<pid_t> launch(const Launch& what, const Fd& control);
inline constexpr int kCannotExecute = 126;  // as shells have it

// Raises our limits of descriptors and of locked memory, as far as we may, because no program can
// have more than toastd: the front ends hold many connections, keyd locks its memory. The others
// give the second up again (base/sandbox_rights.cc).
void raise_limits();

// "exit 1", "signal 9 (Killed)": from waitpid's status.
std::string describe_exit(int wait_status);

}  // namespace toast::master
