// What the queue is told by its settings, as plain values: the core knows no control/ files.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/settings.h"
#include "mta/remote/routes.h"

namespace toast::queue {

struct Options {
  std::string host = "localhost";  // bouncehost: who speaks in bounces
  std::string bounce_from = "MAILER-DAEMON";
  std::string no_at_host = "localhost";  // envnoathost: of a local recipient without a domain
  std::string double_bounce_to = "postmaster@localhost";
  std::uint64_t max_quoted = 50'000;  // of the original in a bounce; 0: all
  // Deliveries in hand. qmail's 10 counted processes; here one is an entry in a batch whose
  // members share disk syncs, so fewer would leave the disk waiting for company.
  std::uint32_t concurrency = 64;
  std::uint32_t concurrency_remote = 200;      // transactions with other hosts
  std::uint32_t concurrency_destination = 20;  // of these with one destination
  remote::Routes routes;                       // smtproutes
  std::chrono::seconds lifetime{7 * 86400};
  std::chrono::seconds unknown_grace{3600};
  std::chrono::seconds delay_warning{0};  // 0: none
  bool qmail_log = false;                 // qmaillog
  std::uint64_t trace_bytes = 0;          // tracebytes; 0: no events are kept
  std::chrono::microseconds sync_delay{0};
  // databytes: a bound beside that of smtpd, which counts with CRLF; here it is LF. 0: no limit.
  std::uint64_t max_message = 0;
  std::uint64_t arrival_memory =
      std::uint64_t{64} * 1024 * 1024;  // bodies in arrival and until first delivery
  std::uint64_t reserve_bytes = std::uint64_t{64} * 1024 * 1024;
  std::uint64_t high_water = 100'000;   // messages
  std::vector<Network> relay_networks;  // whose clients need no login to send to other hosts
  struct SendLimit {                    // recipients at other hosts; 0: none
    std::uint64_t hour = 0;
    std::uint64_t day = 0;
  };
  SendLimit login_limit;
  SendLimit domain_limit;  // of all logins of a domain together
  SendLimit owner_limit;   // of all logins of all domains of one owner together
  SendLimit uid_limit;     // of a user of this machine
  // sendlimitsuspend: so often put off at its limit in an hour, a login is suspended; 0: never.
  std::uint64_t suspend_after = 0;

  // Error: a line of smtproutes is wrong.
  [[nodiscard]] static Result<Options> from(const Settings& settings);
};

}  // namespace toast::queue
