#include "base/migrations.h"

#include <fmt/format.h>

namespace toast {

namespace {

constexpr std::string_view kVersionTable =
    "CREATE TABLE IF NOT EXISTS schema_version ("
    " only_row INTEGER PRIMARY KEY CHECK (only_row = 1),"
    " version INTEGER NOT NULL,"
    " works_with INTEGER NOT NULL"
    ") STRICT";

int known_version(std::span<const Migration> migrations) {
  return migrations.empty() ? 0 : migrations.back().number;
}

Result<void> apply_one(sqlite::Connection& db, const Migration& migration) {
  if (Result<void> done = db.execute_script(migration.sql); !done)
    return pass(done, fmt::format("migration {}", migration.name));
  Result<std::int64_t> done = db.run(
      "INSERT INTO schema_version (only_row, version, works_with) VALUES (1, ?, ?)"
      " ON CONFLICT (only_row) DO UPDATE SET version=excluded.version, "
      "works_with=excluded.works_with",
      migration.number, migration.works_with);
  if (!done) return pass(done, fmt::format("migration {}", migration.name));
  return {};
}

}  // namespace

Result<SchemaStatus> schema_status(sqlite::Connection& db, std::span<const Migration> migrations) {
  SchemaStatus status;
  status.known = known_version(migrations);
  Result<sqlite::Statement> table =
      db.query("SELECT 1 FROM sqlite_schema WHERE type='table' AND name='schema_version'");
  if (!table) return pass(table);
  Result<bool> exists = table->step();
  if (!exists) return pass(exists);
  if (!*exists) return status;
  Result<sqlite::Statement> row = db.query("SELECT version, works_with FROM schema_version");
  if (!row) return pass(row);
  Result<bool> there = row->step();
  if (!there) return pass(there);
  if (!*there) return status;
  status.version = static_cast<int>(row->integer(0));
  status.works_with = static_cast<int>(row->integer(1));
  return status;
}

Result<int> apply_migrations(sqlite::Connection& db, std::span<const Migration> migrations) {
  // One transaction for all: two migrators at once take turns, and the second finds nothing to do.
  Result<sqlite::Transaction> transaction = sqlite::Transaction::begin(db);
  if (!transaction) return pass(transaction);
  if (Result<void> done = db.execute_script(kVersionTable); !done) return pass(done);
  Result<SchemaStatus> status = schema_status(db, migrations);
  if (!status) return pass(status);
  if (Result<void> may = judge_migration(*status, db.path()); !may) return pass(may);
  int applied = 0;
  for (const Migration& migration : migrations) {
    if (migration.number <= status->version) continue;
    if (Result<void> done = apply_one(db, migration); !done) return pass(done);
    ++applied;
  }
  if (applied == 0) return 0;
  if (Result<void> done = transaction->commit(); !done) return pass(done);
  return applied;
}

Result<void> check_schema(sqlite::Connection& db, std::span<const Migration> migrations) {
  Result<SchemaStatus> status = schema_status(db, migrations);
  if (!status) return pass(status);
  return judge_schema(*status, db.path());
}

Result<void> judge_migration(const SchemaStatus& status, std::string_view database) {
  if (status.works_with <= status.known) return {};
  return transient(
      fmt::format("database {} has schema version {}, which needs a program that knows version {}; "
                  "this program "
                  "knows version {}: upgrade this program",
                  database, status.version, status.works_with, status.known));
}

Result<void> judge_schema(const SchemaStatus& status, std::string_view database) {
  if (status.version >= status.known) return judge_migration(status, database);
  return transient(fmt::format(
      "database {} has schema version {}, this program needs version {}: run toastctl schema "
      "migrate",
      database, status.version, status.known));
}

}  // namespace toast
