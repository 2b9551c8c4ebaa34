// An instance's MariaDB servers, by its settings and files. Each user of a database has
// a folder of its own, readable by nobody else:
//   mariadb.password   its password, one line
//   mariadb-ca.pem     whom it trusts to vouch for a server; with it every connection over TCP is
//                      encrypted and verified, without it no other host is spoken to
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/mariadb/options.h"
#include "base/result.h"

namespace toast::mariadb {

inline constexpr const char* kPasswordFile = "mariadb.password";
inline constexpr const char* kCaFile = "mariadb-ca.pem";
inline constexpr std::size_t kMaxPasswordFile = 1024;

struct Role {
  const char* user;    // "toast_vdomaind"
  const char* folder;  // below the root: "db"
};
inline constexpr Role kDirectoryKeeper{"toast_vdomaind", "db"};
inline constexpr Role kCredentialsKeeper{"toast_authd", "db-auth"};
inline constexpr Role kAdministrator{"toast_toastctl", "db-admin"};
inline constexpr Role kDovecot{"toast_dovecot", "db-dovecot"};  // no program of ours

// The value of the setting databasebackend that chooses MariaDB.
inline constexpr std::string_view kBackEnd = "mariadb";

// What the settings say.
struct Place {
  std::vector<Endpoint> servers;  // mariadbservers
  std::string socket;             // mariadbsocket: where there is none of those
  std::string database;           // directorydb or credentialsdb
};
// An error says which file is missing or readable by others.
[[nodiscard]] Result<Options> options_of(const Place& place, const Role& role,
                                         const std::string& root, const Patience& patience);

}  // namespace toast::mariadb
