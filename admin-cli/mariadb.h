// toastctl and an instance whose stores are on MariaDB.
#pragma once

#include <memory>
#include <string>

#include "admin-cli/instance.h"
#include "base/clock.h"
#include "base/mariadb/servers.h"
#include "base/random.h"
#include "base/settings.h"

namespace toast::admin {

// Are the stores on MariaDB? Looks at that one setting only: with SQLite what else is wrong in
// control/ does not matter here.
bool is_on_mariadb(const Instance& instance);
// The servers of a database, as toastctl's own user there. Reads db-admin/, so before this process
// gives up being root; nothing is connected yet.
Wanted<std::shared_ptr<mariadb::Servers>> mariadb_servers(const Instance& instance,
                                                          const LineSetting& database,
                                                          const Clock& clock);
// schema/mariadb/grants.sql with this instance's names and passwords; those that are missing are
// made first, each in the folder of its user. `from`: the hosts it connects from, as MariaDB writes
// them; empty: what mariadbservers suggests.
Wanted<std::string> mariadb_grants(const Instance& instance, Random& random, std::string from);
// The same with schema/mariadb/dovecot.sql.
Wanted<std::string> mariadb_dovecot_grants(const Instance& instance, Random& random,
                                           std::string from);

}  // namespace toast::admin
