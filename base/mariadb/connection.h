// One connection to one MariaDB server, by Connector/C: prepared statements with bound values, rows
// copied out whole. Not safe for use by two threads at once.
//
// What every connection has: timeouts for connecting, reading and writing; utf8mb4; strict SQL
// mode; READ COMMITTED, so that a writer who holds the lock sees what the one before it committed.
// What none has: reconnecting by the library (it loses session state), several statements in one
// text, LOAD DATA LOCAL, passwords in clear text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mariadb/options.h"
#include "base/result.h"

struct st_mysql;
struct st_mysql_stmt;

namespace toast::mariadb {

// A value for a parameter. Text is lent for the length of the call.
class Value {
 public:
  Value(std::string_view text) : kind_(Kind::text), text_(text) {}        // NOLINT(*-explicit-*)
  Value(const std::string& text) : Value(std::string_view(text)) {}       // NOLINT(*-explicit-*)
  Value(const char* text) : Value(std::string_view(text)) {}              // NOLINT(*-explicit-*)
  Value(std::int64_t number) : kind_(Kind::number), number_(number) {}    // NOLINT(*-explicit-*)
  Value(int number) : Value(static_cast<std::int64_t>(number)) {}         // NOLINT(*-explicit-*)
  Value(bool truth) : Value(static_cast<std::int64_t>(truth ? 1 : 0)) {}  // NOLINT(*-explicit-*)
  Value(std::nullopt_t) : kind_(Kind::null) {}                            // NOLINT(*-explicit-*)
  template <class T>
  Value(const std::optional<T>& value)  // NOLINT(*-explicit-*)
      : Value(value ? Value(*value) : Value(std::nullopt)) {}

 private:
  friend class Connection;
  enum class Kind : unsigned char { null, number, text };
  Kind kind_;
  std::int64_t number_ = 0;
  std::string_view text_;
};

// The rows of a query, already here: reading them cannot fail. Columns are counted from 0.
class Rows {
 public:
  [[nodiscard]] Result<bool> step() { return ++next_ <= rows_.size(); }  // true: a row is there
  std::string_view text(int column) const { return cell(column).text; }
  std::string string(int column) const { return cell(column).text; }
  std::int64_t integer(int column) const { return cell(column).number; }
  bool boolean(int column) const { return integer(column) != 0; }
  bool is_null(int column) const { return cell(column).null; }
  std::optional<std::string> optional_string(int column) const {
    if (is_null(column)) return std::nullopt;
    return string(column);
  }
  std::optional<std::int64_t> optional_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
  }
  std::size_t size() const { return rows_.size(); }

 private:
  friend class Connection;
  struct Cell {
    bool null = true;
    std::int64_t number = 0;
    std::string text;
  };
  using Row = std::vector<Cell>;
  const Cell& cell(int column) const { return rows_[next_ - 1][static_cast<std::size_t>(column)]; }
  std::vector<Row> rows_;
  std::size_t next_ = 0;
};

class Connection {
 public:
  // Where TLS is used (a CA file is given) the server must prove its address; where it is not, only
  // a server of this machine will do.
  [[nodiscard]] static Result<Connection> open(const Options& options, const Server& server);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // The compiled statement is kept and used again for the same text, which is a constant of ours.
  [[nodiscard]] Result<Rows> query(std::string_view sql, const std::vector<Value>& values);
  // The result is the number of rows it matched (not: really changed).
  [[nodiscard]] Result<std::int64_t> run(std::string_view sql, const std::vector<Value>& values);
  // One statement without values that cannot be prepared: DDL, SET, COMMIT.
  [[nodiscard]] Result<void> execute(const std::string& sql);

  std::int64_t last_row_id() const { return last_row_id_; }
  const std::string& where() const { return where_; }  // "toast_directory at 127.0.0.1:3306"
  unsigned last_error() const { return last_error_; }  // of the last call that failed; 0: none did
  bool is_encrypted() const;

 private:
  struct CloseConnection {
    void operator()(st_mysql* connection) const;
  };
  struct CloseStatement {
    void operator()(st_mysql_stmt* statement) const;
  };
  using StatementHandle = std::unique_ptr<st_mysql_stmt, CloseStatement>;

  Connection() = default;
  [[nodiscard]] Result<void> prepare_session(const Options& options);
  [[nodiscard]] Result<st_mysql_stmt*> executed(std::string_view sql,
                                                const std::vector<Value>& values);
  [[nodiscard]] Result<Rows> fetch(st_mysql_stmt* statement);
  tl::unexpected<Error> failed();
  tl::unexpected<Error> failed(st_mysql_stmt* statement);

  std::string where_;
  std::unique_ptr<st_mysql, CloseConnection> mysql_;
  std::unordered_map<std::string, StatementHandle> statements_;  // these go before mysql_ does
  std::int64_t last_row_id_ = 0;
  unsigned last_error_ = 0;
};

}  // namespace toast::mariadb
