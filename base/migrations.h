// Numbered, forward-only schema migrations, compiled into the programs (schema/). One row in the
// table schema_version says where a database stands; applying is done under the write lock and may
// be repeated at will. Each migration says with which programs its result still works, so that the
// nodes of a cluster can be upgraded one by one: expand in one release, contract in a later one.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sqlite.h"

namespace toast {

struct Migration {
  int number = 0;         // 1, 2, 3... without gaps
  std::string_view name;  // "0001_initial"
  // The oldest program, named by the highest migration it knows, that still works on the result.
  int works_with = 0;
  std::string_view sql;
};

struct SchemaStatus {
  int version = 0;     // of the database; 0: empty
  int works_with = 0;  // the oldest program that may use it
  int known = 0;       // the highest migration of this program
  bool up_to_date() const { return version >= known; }
};

[[nodiscard]] Result<SchemaStatus> schema_status(sqlite::Connection& db,
                                                 std::span<const Migration> migrations);

// Brings the database to the last migration; already there is no change. The result is the number
// of migrations applied. A database newer than this program is left alone, with an error saying so.
[[nodiscard]] Result<int> apply_migrations(sqlite::Connection& db,
                                           std::span<const Migration> migrations);

// May this program use this database? Too old: says to migrate. Newer: allowed as long as the
// database still works with this program, refused in words otherwise. Never changes anything.
[[nodiscard]] Result<void> check_schema(sqlite::Connection& db,
                                        std::span<const Migration> migrations);

// check_schema's judgement over what was found in `database`, whichever kind that is.
[[nodiscard]] Result<void> judge_schema(const SchemaStatus& status, std::string_view database);
// May this program migrate it? Not if it is too new.
[[nodiscard]] Result<void> judge_migration(const SchemaStatus& status, std::string_view database);

}  // namespace toast
