#include "base/mariadb/migrations.h"

#include <fmt/format.h>

namespace toast::mariadb {
namespace {

// How long a second migrator waits for the first.
constexpr std::int64_t kMigrationLockSeconds = 30;
constexpr std::string_view kLockName = "concat('toastmaster schema ', database())";

constexpr const char* kVersionTable =
    "CREATE TABLE IF NOT EXISTS schema_version ("
    " only_row TINYINT PRIMARY KEY CHECK (only_row = 1),"
    " version INT NOT NULL,"
    " works_with INT NOT NULL"
    ") ENGINE=InnoDB";

// The statements of a file: each ends with a semicolon at the end of a line; comments are lines or
// ends of lines.
std::vector<std::string> statements_of(std::string_view sql) {
  std::vector<std::string> statements;
  std::string statement;
  while (!sql.empty()) {
    const std::size_t end = std::min(sql.find('\n'), sql.size());
    std::string_view line = sql.substr(0, end);
    sql.remove_prefix(std::min(end + 1, sql.size()));
    line = line.substr(0, line.find("--"));
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (line.empty()) continue;
    statement += std::string(line) + "\n";
    if (!line.ends_with(';')) continue;
    statements.push_back(std::exchange(statement, {}));
  }
  return statements;
}

// Held by the session: a migrator that dies lets it go.
class MigrationLock {
 public:
  static Result<MigrationLock> take(Connection& db) {
    Result<Rows> row =
        db.query(fmt::format("SELECT get_lock({}, ?)", kLockName), {kMigrationLockSeconds});
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there || !*there || row->integer(0) != 1)
      return transient(
          fmt::format("database {} is being migrated by somebody else; try again", db.where()));
    return MigrationLock(db);
  }
  MigrationLock(MigrationLock&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  MigrationLock& operator=(MigrationLock&&) = delete;
  ~MigrationLock() {
    if (db_ != nullptr) (void)db_->query(fmt::format("SELECT release_lock({})", kLockName), {});
  }

 private:
  explicit MigrationLock(Connection& db) : db_(&db) {}
  Connection* db_;
};

Result<void> apply_one(Connection& db, const Migration& migration) {
  const std::string doing = fmt::format("migration {}", migration.name);
  for (const std::string& statement : statements_of(migration.sql))
    if (Result<void> done = db.execute(statement); !done) return pass(done, doing);
  Result<std::int64_t> done = db.run(
      "INSERT INTO schema_version (only_row, version, works_with) VALUES (1, ?, ?)"
      " ON DUPLICATE KEY UPDATE version = VALUES(version), works_with = VALUES(works_with)",
      {migration.number, migration.works_with});
  if (!done) return pass(done, doing);
  return {};
}

}  // namespace

Result<SchemaStatus> schema_status(Connection& db, std::span<const Migration> migrations) {
  SchemaStatus status;
  status.known = migrations.empty() ? 0 : migrations.back().number;
  Result<Rows> table = db.query(
      "SELECT 1 FROM information_schema.tables"
      " WHERE table_schema = database() AND table_name = 'schema_version'",
      {});
  if (!table) return pass(table);
  if (table->size() == 0) return status;
  Result<Rows> row = db.query("SELECT version, works_with FROM schema_version", {});
  if (!row) return pass(row);
  Result<bool> there = row->step();
  if (!there || !*there) return status;
  status.version = static_cast<int>(row->integer(0));
  status.works_with = static_cast<int>(row->integer(1));
  return status;
}

Result<int> apply_migrations(Connection& db, std::span<const Migration> migrations) {
  Result<MigrationLock> lock = MigrationLock::take(db);
  if (!lock) return pass(lock);
  if (Result<void> done = db.execute(kVersionTable); !done) return pass(done);
  Result<SchemaStatus> status = schema_status(db, migrations);
  if (!status) return pass(status);
  if (Result<void> may = judge_migration(*status, db.where()); !may) return pass(may);
  int applied = 0;
  for (const Migration& migration : migrations) {
    if (migration.number <= status->version) continue;
    if (Result<void> done = apply_one(db, migration); !done) return pass(done);
    ++applied;
  }
  return applied;
}

Result<void> check_schema(Connection& db, std::span<const Migration> migrations) {
  Result<SchemaStatus> status = schema_status(db, migrations);
  if (!status) return pass(status);
  return judge_schema(*status, db.where());
}

}  // namespace toast::mariadb
