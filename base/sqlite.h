// A thin owner of SQLite's handles: Connection, Statement, Transaction. SQL text is a constant of
// the program; every value is bound. What went wrong is said in words an operator can act on. A
// database that is locked, read-only, missing, corrupt or full is a *transient* failure: it costs a
// deferral, never a bounce. Only a violated constraint is permanent.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace toast::sqlite {

enum class Access : unsigned char {
  read,    // the file must exist; writing through this connection is refused (query_only)
  write,   // the file must exist
  create,  // made if absent (mode 0660 under the umask), in WAL mode
};

// How long a statement waits for another writer before it fails as "locked". Two administrators at
// once wait for each other this long; a keeper that must answer its callers passes less.
inline constexpr std::chrono::milliseconds kAdminBusyTimeout{10'000};

struct OpenOptions {
  Access access = Access::write;
  std::chrono::milliseconds busy_timeout = kAdminBusyTimeout;
};

// The operator's text for a SQLite result code (extended or not): what is wrong with which file and
// what to do about it.
[[nodiscard]] Error make_error(int code, std::string_view path, std::string_view message);

struct StatementHandle;  // a compiled statement in its connection's cache

// One run of a prepared statement; reset and given back to the cache by the destructor. It must not
// outlive its Connection. Columns are counted from 0, parameters in the order they stand.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Binds the next parameter; the bytes are copied. A failure to bind shows at step().
  Statement& bind(std::string_view text);
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(const std::string& text) { return bind(std::string_view(text)); }
  Statement& bind(std::int64_t number);
  Statement& bind(int number) { return bind(static_cast<std::int64_t>(number)); }
  Statement& bind(bool truth) { return bind(static_cast<std::int64_t>(truth ? 1 : 0)); }
  Statement& bind(std::nullopt_t);
  Statement& bind_blob(std::string_view bytes);
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    if (!value) return bind(std::nullopt);
    return bind(*value);
  }

  [[nodiscard]] Result<bool> step();  // true: a row is there; false: done
  [[nodiscard]] Result<void> run();   // steps to the end, rows ignored

  // The current row. Views live until the next step().
  std::string_view text(int column) const;
  std::string string(int column) const { return std::string(text(column)); }
  std::int64_t integer(int column) const;
  bool boolean(int column) const { return integer(column) != 0; }
  bool is_null(int column) const;
  std::optional<std::string> optional_string(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;

 private:
  friend class Connection;
  Statement(std::shared_ptr<StatementHandle> handle, std::string_view path)
      : handle_(std::move(handle)), path_(path) {}
  void give_back();
  std::shared_ptr<StatementHandle> handle_;
  std::string_view path_;
  int next_parameter_ = 1;
  int bind_failure_ = 0;
};

class Connection {
 public:
  [[nodiscard]] static Result<Connection> open(const std::string& path, OpenOptions options = {});
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // The compiled statement is kept and used again for the same text.
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  // `auto row = db.query("SELECT a FROM t WHERE b=?", b);` then row->step().
  template <class... Values>
  [[nodiscard]] Result<Statement> query(std::string_view sql, const Values&... values) {
    Result<Statement> statement = prepare(sql);
    if (statement) (statement->bind(values), ...);
    return statement;
  }
  // A statement without rows; the result is the number of rows it changed.
  template <class... Values>
  [[nodiscard]] Result<std::int64_t> run(std::string_view sql, const Values&... values) {
    Result<Statement> statement = query(sql, values...);
    if (!statement) return pass(statement);
    if (Result<void> done = statement->run(); !done) return pass(done);
    return changes();
  }
  // Several statements of our own text without values: migrations.
  [[nodiscard]] Result<void> execute_script(std::string_view sql);

  std::int64_t changes() const;  // rows changed by the last statement
  std::int64_t last_row_id() const;
  // Changes whenever *another* connection has committed: a cache's cheap question (microseconds).
  [[nodiscard]] Result<std::int64_t> data_version();
  // An error when the path no longer names the file that is open here: deleted, or replaced by a
  // restore. SQLite itself would go on reading the old file.
  [[nodiscard]] Result<void> check_file_in_place() const;
  const std::string& path() const { return path_; }

 private:
  Connection() = default;
  struct CloseDatabase {
    void operator()(sqlite3* db) const;
  };
  [[nodiscard]] Result<void> configure(const OpenOptions& options);
  std::string path_;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::unique_ptr<sqlite3, CloseDatabase> db_;
  struct HashText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::unordered_map<std::string, std::shared_ptr<StatementHandle>, HashText, std::equal_to<>>
      statements_;  // before db_ goes
};

// BEGIN IMMEDIATE: takes the write lock at once, so that what was read inside still holds at commit
// (an upgraded read transaction fails whatever the busy timeout). Rolls back unless commit() ran.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Connection& db);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Result<void> commit();

 private:
  explicit Transaction(Connection& db) : db_(&db) {}
  Connection* db_;
};

// BEGIN: what is read while this lives is of one moment, and takes and gives back SQLite's locks
// once for all of it. Every Statement must be gone before it, and it before the Connection.
class Snapshot {
 public:
  [[nodiscard]] static Result<Snapshot> begin(Connection& db);
  Snapshot(Snapshot&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  explicit Snapshot(Connection& db) : db_(&db) {}
  Connection* db_;
};

}  // namespace toast::sqlite
