#include "base/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace toast::sqlite {

struct StatementHandle {
  ~StatementHandle() { sqlite3_finalize(statement); }
  sqlite3_stmt* statement = nullptr;
  bool in_use = false;
};

namespace {

std::string explain(int code, std::string_view path, std::string_view message) {
  switch (code & 0xff) {  // the primary code is the low byte of an extended one
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fmt::format("database {} is locked by another process; try again", path);
    case SQLITE_READONLY:
      return fmt::format(
          "database {} is read-only: check owner and mode of the file and its directory, and that "
          "the file system is mounted writable",
          path);
    case SQLITE_CANTOPEN:
      return fmt::format("database {} cannot be opened: missing, or no permission on it", path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fmt::format("database {} is damaged ({}): restore it from a backup", path, message);
    case SQLITE_FULL:
      return fmt::format("database {}: the file system is full", path);
    case SQLITE_IOERR:
      return fmt::format("database {}: reading or writing failed ({})", path, message);
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fmt::format("database {}: permission denied", path);
    default:
      break;
  }
  if (message.starts_with("no such table") || message.starts_with("no such column"))
    return fmt::format("database {} lacks part of its schema ({}): run toastctl schema migrate",
                       path, message);
  return fmt::format("database {}: {}", path, message);
}

Error missing_file(const std::string& path, int error_number) {
  if (error_number == ENOENT || error_number == ENOTDIR)
    return {Failure::transient, "4.3.0 try again later",
            fmt::format("database {} is missing: restore it from a backup, or, for a new server, "
                        "create it with toastctl schema migrate",
                        path)};
  return system_error("open database", path, error_number).value();
}

}  // namespace

Error make_error(int code, std::string_view path, std::string_view message) {
  if ((code & 0xff) == SQLITE_CONSTRAINT)
    return {Failure::permanent, "5.3.0 refused", fmt::format("database {}: {}", path, message)};
  return {Failure::transient, "4.3.0 try again later", explain(code, path, message)};
}

// --- Statement

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    give_back();
    handle_ = std::move(other.handle_);
    path_ = other.path_;
    next_parameter_ = other.next_parameter_;
    bind_failure_ = other.bind_failure_;
  }
  return *this;
}

Statement::~Statement() { give_back(); }

void Statement::give_back() {
  if (!handle_) return;
  sqlite3_reset(handle_->statement);
  sqlite3_clear_bindings(handle_->statement);
  handle_->in_use = false;
  handle_.reset();
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL: an empty view is an empty string.
  const char* start = text.data() == nullptr ? "" : text.data();
  const int code = sqlite3_bind_text64(handle_->statement, next_parameter_++, start, text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_failure_ = code;
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  const int code = sqlite3_bind_int64(handle_->statement, next_parameter_++, number);
  if (code != SQLITE_OK) bind_failure_ = code;
  return *this;
}

Statement& Statement::bind(std::nullopt_t) {
  const int code = sqlite3_bind_null(handle_->statement, next_parameter_++);
  if (code != SQLITE_OK) bind_failure_ = code;
  return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
  const char* start = bytes.data() == nullptr ? "" : bytes.data();
  const int code = sqlite3_bind_blob64(handle_->statement, next_parameter_++, start, bytes.size(),
                                       SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_failure_ = code;
  return *this;
}

Result<bool> Statement::step() {
  sqlite3* db = sqlite3_db_handle(handle_->statement);
  if (bind_failure_ != 0)
    return tl::unexpected(make_error(bind_failure_, path_, sqlite3_errstr(bind_failure_)));
  const int code = sqlite3_step(handle_->statement);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return tl::unexpected(make_error(sqlite3_extended_errcode(db), path_, sqlite3_errmsg(db)));
}

Result<void> Statement::run() {
  for (;;) {
    Result<bool> row = step();
    if (!row) return pass(row);
    if (!*row) return {};
  }
}

std::string_view Statement::text(int column) const {
  // The blob call does not convert: what was stored is what is read.
  const void* start = sqlite3_column_blob(handle_->statement, column);
  const int size = sqlite3_column_bytes(handle_->statement, column);
  if (start == nullptr) return {};
  return {static_cast<const char*>(start), static_cast<std::size_t>(size)};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_->statement, column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_->statement, column) == SQLITE_NULL;
}

std::optional<std::string> Statement::optional_string(int column) const {
  if (is_null(column)) return std::nullopt;
  return string(column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

// --- Connection

void Connection::CloseDatabase::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    statements_ = std::move(other.statements_);  // ours are finalized before our database closes
    db_ = std::move(other.db_);
    path_ = std::move(other.path_);
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}
Connection::~Connection() { statements_.clear(); }

Result<Connection> Connection::open(const std::string& path, OpenOptions options) {
  struct stat st {};
  const bool exists = ::stat(path.c_str(), &st) == 0;
  if (!exists && (options.access != Access::create || errno != ENOENT))
    return tl::unexpected(missing_file(path, errno));
  Connection connection;
  connection.path_ = path;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (options.access == Access::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  connection.db_.reset(raw);
  if (code != SQLITE_OK)
    return tl::unexpected(
        make_error(code, path, raw == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(raw)));
  if (Result<void> done = connection.configure(options); !done) return pass(done);
  if (::stat(path.c_str(), &st) != 0) return tl::unexpected(missing_file(path, errno));
  connection.device_ = st.st_dev;
  connection.inode_ = st.st_ino;
  return connection;
}

Result<void> Connection::configure(const OpenOptions& options) {
  sqlite3_busy_timeout(db_.get(), static_cast<int>(options.busy_timeout.count()));
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (options.access == Access::create)
    if (Result<void> done = execute_script("PRAGMA journal_mode=WAL"); !done) return done;
  // FULL: what an administrator was told is stored survives a power cut.
  const char* pragmas = "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL";
  if (options.access == Access::read)
    pragmas = "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA query_only=ON";
  return execute_script(pragmas);
}

Result<Statement> Connection::prepare(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found != statements_.end() && !found->second->in_use) {
    found->second->in_use = true;
    return Statement(found->second, path_);
  }
  auto handle = std::make_shared<StatementHandle>();
  const int code = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle->statement, nullptr);
  if (code != SQLITE_OK)
    return tl::unexpected(
        make_error(sqlite3_extended_errcode(db_.get()), path_, sqlite3_errmsg(db_.get())));
  handle->in_use = true;
  // A nested run of the same text is compiled apart and dropped when done.
  if (found == statements_.end()) statements_.emplace(std::string(sql), handle);
  return Statement(std::move(handle), path_);
}

Result<void> Connection::execute_script(std::string_view sql) {
  const std::string text(sql);
  if (sqlite3_exec(db_.get(), text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return tl::unexpected(
      make_error(sqlite3_extended_errcode(db_.get()), path_, sqlite3_errmsg(db_.get())));
}

std::int64_t Connection::changes() const { return sqlite3_changes64(db_.get()); }
std::int64_t Connection::last_row_id() const { return sqlite3_last_insert_rowid(db_.get()); }

Result<std::int64_t> Connection::data_version() {
  Result<Statement> row = prepare("PRAGMA data_version");
  if (!row) return pass(row);
  Result<bool> there = row->step();
  if (!there) return pass(there);
  return row->integer(0);
}

Result<void> Connection::check_file_in_place() const {
  struct stat st {};
  if (::stat(path_.c_str(), &st) != 0) return tl::unexpected(missing_file(path_, errno));
  if (st.st_dev == device_ && st.st_ino == inode_) return {};
  return transient(fmt::format("database {} was replaced by another file; opening it anew", path_));
}

// --- Transaction

Result<Transaction> Transaction::begin(Connection& db) {
  if (Result<void> begun = db.execute_script("BEGIN IMMEDIATE"); !begun) return pass(begun);
  return Transaction(db);
}

Transaction::~Transaction() {
  // A failure here means that SQLite has rolled back by itself already.
  if (db_ != nullptr) (void)db_->execute_script("ROLLBACK");
}

Result<void> Transaction::commit() {
  if (Result<void> done = db_->execute_script("COMMIT"); !done) return done;
  db_ = nullptr;
  return {};
}

// --- Snapshot

Result<Snapshot> Snapshot::begin(Connection& db) {
  if (Result<std::int64_t> begun = db.run("BEGIN"); !begun) return pass(begun);
  return Snapshot(db);
}

Snapshot::~Snapshot() {
  if (db_ != nullptr) (void)db_->run("ROLLBACK");  // nothing was written: there is nothing to lose
}

}  // namespace toast::sqlite
