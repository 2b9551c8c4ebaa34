// Where a MariaDB server is and who we are there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/secret.h"

namespace toast::mariadb {

// One server: a socket of this machine, or an address. Names are not looked up: the directory must
// not depend on the DNS, and a sandboxed program cannot ask it.
struct Server {
  std::string socket;  // absolute path; empty: by address
  Endpoint endpoint;

  bool is_socket() const { return !socket.empty(); }
  // Clear text is for this machine only.
  bool is_local() const { return is_socket() || endpoint.address.is_loopback(); }
  std::string str() const { return is_socket() ? socket : endpoint.str(); }
};

// The protocol counts timeouts in whole seconds. A keeper's caller waits for 10 s in all; what is
// worth waiting for in an administrator's command is longer.
struct Patience {
  std::chrono::seconds connect{2};
  std::chrono::seconds answer{3};     // each read and write
  std::chrono::seconds lock_wait{2};  // for a row or table that somebody else holds: below `answer`
};
inline constexpr Patience kKeeperPatience{};
inline constexpr Patience kAdminPatience{std::chrono::seconds{5}, std::chrono::seconds{60},
                                         std::chrono::seconds{10}};

struct Options {
  std::vector<Server> servers;  // in the order they are tried
  std::string database;
  std::string user;
  Secret password;      // empty: none
  std::string ca_file;  // PEM of whom we trust; empty: no TLS, so local servers only
  Patience patience;
};

}  // namespace toast::mariadb
