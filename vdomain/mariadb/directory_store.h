// The directory in a MariaDB database. Reads are statements of their own, repeated once on another
// connection when theirs was lost; writers take turns by the row of the table generation, so that
// what was read inside a transaction still holds at its commit, as on SQLite.
#pragma once

#include <memory>

#include "base/mariadb/database.h"
#include "vdomain/directory_store.h"

namespace toast::vdomain {

// Connects at the first question. A database whose schema this program cannot use is a transient
// error.
[[nodiscard]] std::unique_ptr<DirectoryStore> mariadb_directory(
    std::shared_ptr<mariadb::Servers> servers);
// The same over a database that the caller holds as well; `db` outlives the store.
[[nodiscard]] std::unique_ptr<DirectoryStore> mariadb_directory_over(mariadb::Database& db);
[[nodiscard]] mariadb::Database mariadb_directory_database(
    std::shared_ptr<mariadb::Servers> servers);

}  // namespace toast::vdomain
