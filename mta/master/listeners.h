// The listening sockets of an instance. toastd binds them once, keeps them, and lends copies to
// each start of the programs that serve them: a restart of those never closes a port.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/ip_address.h"
#include "base/log.h"
#include "base/result.h"
#include "base/settings.h"
#include "mta/master/program_table.h"

namespace toast::master {

struct Listener {
  std::string name;        // "smtp", or the local socket's name
  std::string configured;  // "0.0.0.0:25", or the path: what identifies it in a hand-over
  std::string bound;       // with the port that the kernel chose
  Fd socket;
};

// Binds all that `settings` ask for. Sockets in `inherited` (from the toastd that hands over) are
// used where they fit; the rest of them is closed. Blocks up to 5 s for a port that is still taken.
// Error: which address, and why.
[[nodiscard]] Result<std::vector<Listener>> open_listeners(const Settings& settings,
                                                           const std::string& root,
                                                           std::vector<Listener> inherited,
                                                           const Clock& clock, Logger& log);

}  // namespace toast::master
