// Which programs there are, how many of each, who may call whom, and in which order they stop. The
// two tables in program_table.cc are the whole process structure of an instance.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"

namespace toast::master {

// Stopping order: nobody loses the keeper that it still works with.
enum class Stage : unsigned char { front_ends, queue, keepers };
inline constexpr std::size_t kStages = 3;

struct LocalSocket {
  std::string_view name;  // in run/; also told to the program as listener name
  unsigned mode;          // who may connect; the program checks who does
};

struct NetworkListener {
  std::string_view name;                 // "smtp": told to the program with each listening socket
  const EndpointListSetting* endpoints;  // where
};

// Which key of login tickets a program gets: the issuer the one that all others are derived from,
// each taker the one of its own tickets (auth/ticket_keys.h).
enum class TicketKey : unsigned char { none, issuer, mailbox, submission };

struct Program {
  std::string_view name;  // also of its file: "toast-smtpd"
  Stage stage;
  const LineSetting* account;  // the user it runs as, unless --unprivileged; none: root
  std::span<const NetworkListener> network;  // none of them has an address: it is not started
  const IntegerSetting* processes;           // how many, 0 one per core; none: exactly one
  std::span<const LocalSocket> local_sockets;
  TicketKey ticket_key;
  const ListSetting* needed_for = nullptr;  // empty: it is not started
};

struct Wire {
  std::string_view client;  // calls
  std::string_view keeper;  // answers
};

// Who is told when a process has ended, although it may not be wired to it.
struct Mourner {
  std::string_view told;
  std::string_view ended;
};

std::span<const Program> programs();
std::span<const Wire> wires();

// One process of an instance.
struct ProcessSpec {
  const Program* program;
  std::uint32_t instance;
  std::uint32_t instances;
  std::string name() const;  // "toast-smtpd.1"
};
// What these settings ask for, in starting order: keepers first. `cores` is at least 1.
std::vector<ProcessSpec> processes_for(const Settings& settings, unsigned cores);
// Is this socket lent to this program?
bool is_listener_of(const Program& program, std::string_view listener);
bool is_wired(const Program& client, const Program& keeper);
bool is_told_of_end(const Program& program, const Program& ended);

}  // namespace toast::master
