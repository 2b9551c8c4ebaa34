// Who may touch what: the whole table, on one screen. Tested against reality by
// tests/unit/base/sandbox_test.cc.
#include <algorithm>

#include "base/sandbox.h"
#include "base/settings_registry.h"

namespace toast {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30U;
constexpr unsigned kClientCalls = kCallsSockets | kCallsConnect;
constexpr unsigned kReaderCalls = kCallsSockets | kCallsReadFiles;
constexpr unsigned kKeeperCalls = kCallsSockets | kCallsReadFiles | kCallsChangeFiles;

struct Row {
  std::string_view program;
  std::string_view reads;   // one folder below the root
  std::string_view writes;  // one folder below the root
  unsigned calls;
  std::uint64_t descriptors;
  std::uint64_t memory_bytes;
  bool locks_memory = false;
};

// Locked: it never gets into swap space. Memory: a bound on what a leak or an attacker can take
// from the rest of the machine, not a budget.
// clang-format off
constexpr Row kTable[] = {
    // program          reads    writes     calls          descriptors  memory
    {"toast-smtpd",     "",      "",        kCallsSockets, 262144,      4 * kGiB},   // speaks to the network
    {"toast-pop3d",     "",      "",        kCallsSockets, 262144,      4 * kGiB},   // speaks to the network
    {"toast-remoted",   "relay-auth", "",   kClientCalls | kCallsReadFiles, 65536, 8 * kGiB},  // speaks to the network
    {"toast-queued",    "",      "queue",   kKeeperCalls,  65536,       64 * kGiB},  // the index of a huge backlog
    {"toast-maild",     "",      "mail",    kKeeperCalls,  65536,       16 * kGiB},
    {"toast-vdomaind",  "mail",  "db",      kKeeperCalls,  4096,        8 * kGiB},   // mail/: dot-qmail files only
    {"toast-keyd",      "tls",   "",        kReaderCalls,  1024,        2 * kGiB,    true},  // private keys: locked
    {"toast-authd",     "",      "db-auth", kKeeperCalls,  4096,        64 * kGiB},  // hashers x passwordmemlimit
    {"toast-spawnd",    "",      "",        kCallsPrograms, 1024,       1 * kGiB},   // root: becomes others' accounts
};
// clang-format on

}  // namespace

SandboxPolicy policy_for(std::string_view program) {
  SandboxPolicy policy{.program = std::string(program), .paths = {}};
  const Row* row = std::find_if(std::begin(kTable), std::end(kTable),
                                [&](const Row& r) { return r.program == program; });
  if (row == std::end(kTable)) return policy;
  if (!row->reads.empty()) policy.paths.push_back({std::string(row->reads), PathAccess::read});
  if (!row->writes.empty()) policy.paths.push_back({std::string(row->writes), PathAccess::write});
  policy.calls = row->calls;
  policy.max_descriptors = row->descriptors;
  policy.max_memory_bytes = row->memory_bytes;
  policy.locks_memory = row->locks_memory;
  return policy;
}

SandboxPolicy policy_for(std::string_view program, const Settings& settings) {
  SandboxPolicy policy = policy_for(program);
  const bool keeps_database = program == "toast-vdomaind" || program == "toast-authd";
  if (keeps_database && settings.get(setting::databasebackend) != "sqlite")
    policy.calls |= kCallsConnect;
  return policy;
}

}  // namespace toast
