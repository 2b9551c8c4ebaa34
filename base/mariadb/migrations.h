// Schema migrations on MariaDB: the same files' numbers and the same rules as on SQLite
// (base/migrations.h). DDL commits by itself there, so each statement of a file can be repeated and
// the version is written after the file; two migrators take turns by a lock of the server's.
#pragma once

#include <span>

#include "base/mariadb/connection.h"
#include "base/migrations.h"

namespace toast::mariadb {

[[nodiscard]] Result<SchemaStatus> schema_status(Connection& db,
                                                 std::span<const Migration> migrations);
[[nodiscard]] Result<int> apply_migrations(Connection& db, std::span<const Migration> migrations);
[[nodiscard]] Result<void> check_schema(Connection& db, std::span<const Migration> migrations);

}  // namespace toast::mariadb
