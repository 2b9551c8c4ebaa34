// What a program gives up before it reads its first byte from anybody. The table of who keeps what
// is in sandbox_policy.cc; here is the mechanism.
//
// In this order, because each step needs rights that a later one takes away:
//   restrict_rights()  while the process has one thread: no-new-privs, non-dumpable, limits, locked
//                      memory, capabilities, Landlock. All but the limits bind the calling thread
//                      and the threads it makes later, so a thread that exists already would stay
//                      free; that is refused.
//   restrict_calls()   seccomp, on all threads, after what needs unusual calls has been loaded.
// What a kernel lacks is a gap: reported, logged once, shown by toastctl status; never an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace toast {

class Settings;

enum class PathAccess : unsigned char { read, write };  // write includes read; never execute
struct SandboxPath {
  std::string below_root;  // "queue"
  PathAccess access;
};

// Groups of system calls, by what they are for. Memory, time and threads are always allowed; new
// processes, new programs and executable memory only to who starts programs, mounting and tracing
// never.
enum CallGroup : unsigned {
  kCallsSockets = 1U << 0U,      // read, write, accept on sockets that were handed in; no socket()
  kCallsReadFiles = 1U << 1U,    // open and list, as far as Landlock lets it
  kCallsChangeFiles = 1U << 2U,  // create, rename, unlink, sync, lock
  kCallsConnect = 1U << 3U,      // new sockets, connect, bind to an address to send from
  // Whatever the programs need that it starts as other accounts: all but what changes the machine,
  // or looks into other processes. They inherit the filter and no-new-privs, and would inherit
  // Landlock, so there is none; of root's capabilities those to become another account and to end
  // its processes stay.
  kCallsPrograms = 1U << 4U,
};

struct SandboxPolicy {
  std::string program;
  std::vector<SandboxPath> paths;
  unsigned calls = kCallsSockets;
  std::uint64_t max_descriptors = 1024;
  std::uint64_t max_memory_bytes = 0;  // private writable memory (RLIMIT_DATA)
  bool locks_memory = false;           // all of it, so that nothing gets into swap space
};

enum class OnForbiddenCall : unsigned char {
  refuse,  // EPERM: the program may go on; for production
  kill,    // for tests, so that nothing is missed
};

using SandboxGaps = std::vector<std::string>;  // "Landlock ABI 2: TCP ports are not restricted"

// Paths are below `root` and must exist.
[[nodiscard]] Result<SandboxGaps> restrict_rights(const SandboxPolicy& policy,
                                                  const std::string& root);
[[nodiscard]] Result<SandboxGaps> restrict_calls(const SandboxPolicy& policy,
                                                 OnForbiddenCall on_forbidden);
// Both, for a program that needs nothing in between.
[[nodiscard]] Result<SandboxGaps> enter_sandbox(const SandboxPolicy& policy,
                                                const std::string& root,
                                                OnForbiddenCall on_forbidden);

// The table. An unknown program gets a policy that allows no file at all.
SandboxPolicy policy_for(std::string_view program);
// The same for an instance with these settings: the keepers of databases connect to where those
// are.
SandboxPolicy policy_for(std::string_view program, const Settings& settings);

}  // namespace toast
