#include "base/mariadb/connection.h"

#include <fmt/format.h>
#include <mariadb/errmsg.h>
#include <mariadb/mysql.h>

#include <array>
#include <mutex>

#include "base/mariadb/errors.h"

namespace toast::mariadb {
namespace {

// The largest value that we ever store is a JSON text of the audit; a server that sends more than
// this for a row sends nonsense.
constexpr std::size_t kMaxCellBytes = 16UL << 20U;
// What a server may ask us to log in with. Others would send it the password as it is.
constexpr const char* kAllowedLogins = "mysql_native_password,client_ed25519";
constexpr const char* kTlsVersions = "TLSv1.2,TLSv1.3";

// Process-wide state of the library, made while there is one thread.
void initialise_library() {
  static std::once_flag once;
  std::call_once(once, [] { ::mysql_server_init(0, nullptr, nullptr); });
}

void set_timeout(MYSQL* mysql, mysql_option option, std::chrono::seconds time) {
  const auto seconds = static_cast<unsigned>(time.count());
  ::mysql_optionsv(mysql, option, &seconds);
}

void set_options(MYSQL* mysql, const Options& options, bool with_tls) {
  set_timeout(mysql, MYSQL_OPT_CONNECT_TIMEOUT, options.patience.connect);
  set_timeout(mysql, MYSQL_OPT_READ_TIMEOUT, options.patience.answer);
  set_timeout(mysql, MYSQL_OPT_WRITE_TIMEOUT, options.patience.answer);
  const unsigned off = 0;
  const my_bool no = 0;
  ::mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
  ::mysql_optionsv(mysql, MYSQL_OPT_RECONNECT, &no);
  ::mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, kAllowedLogins);
  ::mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (!with_tls) return;
  // Enforcing alone still lets a server without TLS have the password: verification is what fails
  // closed, and the cipher is looked at afterwards.
  const my_bool yes = 1;
  ::mysql_optionsv(mysql, MYSQL_OPT_SSL_CA, options.ca_file.c_str());
  ::mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
  ::mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  ::mysql_optionsv(mysql, MARIADB_OPT_TLS_VERSION, kTlsVersions);
}

}  // namespace

void Connection::CloseConnection::operator()(MYSQL* connection) const { ::mysql_close(connection); }
void Connection::CloseStatement::operator()(MYSQL_STMT* statement) const {
  ::mysql_stmt_close(statement);
}

Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    statements_ = std::move(other.statements_);  // ours are closed before our connection is
    mysql_ = std::move(other.mysql_);
    where_ = std::move(other.where_);
    last_row_id_ = other.last_row_id_;
    last_error_ = other.last_error_;
  }
  return *this;
}
Connection::~Connection() { statements_.clear(); }

Result<Connection> Connection::open(const Options& options, const Server& server) {
  initialise_library();
  Connection connection;
  connection.where_ = fmt::format("{} at {}", options.database, server.str());
  if (options.ca_file.empty() && !server.is_local())
    return transient(
        fmt::format("database {}: another host is spoken to with TLS only, and there is no "
                    "mariadb-ca.pem beside the password file",
                    connection.where_));
  connection.mysql_.reset(::mysql_init(nullptr));
  if (!connection.mysql_) return transient("database: out of memory");
  MYSQL* mysql = connection.mysql_.get();
  // A socket of this machine needs no TLS, whatever other servers do.
  const bool with_tls = !options.ca_file.empty() && !server.is_socket();
  set_options(mysql, options, with_tls);
  const std::string password(options.password.view());
  const std::string address = server.is_socket() ? std::string() : server.endpoint.address.str();
  const MYSQL* connected = ::mysql_real_connect(
      mysql, server.is_socket() ? "localhost" : address.c_str(), options.user.c_str(),
      password.c_str(), options.database.c_str(), server.is_socket() ? 0 : server.endpoint.port,
      server.is_socket() ? server.socket.c_str() : nullptr, CLIENT_FOUND_ROWS);
  if (connected == nullptr) return connection.failed();
  if (with_tls && !connection.is_encrypted())
    return transient(fmt::format("database {}: the connection is not encrypted; it is not used",
                                 connection.where_));
  if (Result<void> done = connection.prepare_session(options); !done) return pass(done);
  return connection;
}

bool Connection::is_encrypted() const { return ::mysql_get_ssl_cipher(mysql_.get()) != nullptr; }

Result<void> Connection::prepare_session(const Options& options) {
  const auto lock_wait = options.patience.lock_wait.count();
  // max_statement_time: what we have stopped waiting for, the server stops doing. wsrep_sync_wait:
  // a node of a Galera cluster that lags behind would call a new mailbox unknown and a new password
  // wrong; so each read waits until the node has what the others had committed before.
  return execute(fmt::format(
      "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit=1,"
      " tx_isolation='READ-COMMITTED', innodb_lock_wait_timeout={}, lock_wait_timeout={},"
      " max_statement_time={}, time_zone='+00:00', wsrep_sync_wait=1",
      lock_wait, lock_wait, options.patience.answer.count()));
}

tl::unexpected<Error> Connection::failed() {
  last_error_ = ::mysql_errno(mysql_.get());
  return tl::unexpected(make_error(last_error_, where_, ::mysql_error(mysql_.get())));
}

tl::unexpected<Error> Connection::failed(MYSQL_STMT* statement) {
  last_error_ = ::mysql_stmt_errno(statement);
  return tl::unexpected(make_error(last_error_, where_, ::mysql_stmt_error(statement)));
}

Result<void> Connection::execute(const std::string& sql) {
  last_error_ = 0;
  if (::mysql_real_query(mysql_.get(), sql.data(), sql.size()) != 0) return failed();
  // A statement of this kind has no rows; whatever came is dropped.
  if (MYSQL_RES* rows = ::mysql_store_result(mysql_.get())) ::mysql_free_result(rows);
  return {};
}

Result<MYSQL_STMT*> Connection::executed(std::string_view sql, const std::vector<Value>& values) {
  last_error_ = 0;
  StatementHandle& handle = statements_[std::string(sql)];
  if (!handle) {
    StatementHandle made(::mysql_stmt_init(mysql_.get()));
    if (!made) return transient("database: out of memory");
    const my_bool yes = 1;
    ::mysql_stmt_attr_set(made.get(), STMT_ATTR_UPDATE_MAX_LENGTH, &yes);
    if (::mysql_stmt_prepare(made.get(), sql.data(), sql.size()) != 0) return failed(made.get());
    handle = std::move(made);
  }
  MYSQL_STMT* statement = handle.get();
  if (::mysql_stmt_param_count(statement) != values.size())
    return transient(fmt::format("database {}: {} values for \"{}\"", where_, values.size(), sql));
  std::vector<MYSQL_BIND> bound(values.size());
  std::vector<Value> kept = values;  // the library reads through pointers
  for (std::size_t i = 0; i < kept.size(); ++i) {
    MYSQL_BIND& bind = bound[i];
    bind = {};
    switch (kept[i].kind_) {
      case Value::Kind::null:
        bind.buffer_type = MYSQL_TYPE_NULL;
        break;
      case Value::Kind::number:
        bind.buffer_type = MYSQL_TYPE_LONGLONG;
        bind.buffer = &kept[i].number_;
        break;
      case Value::Kind::text:
        bind.buffer_type = MYSQL_TYPE_STRING;
        bind.buffer = const_cast<char*>(kept[i].text_.empty() ? "" : kept[i].text_.data());
        bind.buffer_length = kept[i].text_.size();
        break;
    }
  }
  if (!bound.empty() && ::mysql_stmt_bind_param(statement, bound.data()) != 0)
    return failed(statement);
  if (::mysql_stmt_execute(statement) != 0) {
    auto error = failed(statement);
    // One that went stale is compiled anew when the caller repeats it.
    if (may_be_repeated(last_error_)) statements_.erase(std::string(sql));
    return error;
  }
  return statement;
}

Result<Rows> Connection::fetch(MYSQL_STMT* statement) {
  if (::mysql_stmt_store_result(statement) != 0) return failed(statement);
  struct FreeResult {
    void operator()(MYSQL_STMT* s) const { ::mysql_stmt_free_result(s); }
  };
  const std::unique_ptr<MYSQL_STMT, FreeResult> stored(statement);
  const unsigned columns = ::mysql_stmt_field_count(statement);
  const MYSQL_FIELD* fields = ::mariadb_stmt_fetch_fields(statement);
  std::vector<MYSQL_BIND> bound(columns);
  std::vector<std::string> text(columns);
  std::vector<std::int64_t> number(columns);
  std::vector<unsigned long> length(columns);
  std::vector<my_bool> null(columns);
  for (unsigned i = 0; i < columns; ++i) {
    bound[i] = {};
    bound[i].is_null = &null[i];
    bound[i].length = &length[i];
    if (IS_NUM(fields[i].type)) {
      bound[i].buffer_type = MYSQL_TYPE_LONGLONG;
      bound[i].buffer = &number[i];
      continue;
    }
    if (fields[i].max_length > kMaxCellBytes)
      return transient(
          fmt::format("database {} holds a value of {} bytes", where_, fields[i].max_length));
    text[i].resize(fields[i].max_length);
    bound[i].buffer_type = MYSQL_TYPE_STRING;
    bound[i].buffer = text[i].data();
    bound[i].buffer_length = text[i].size();
  }
  if (columns > 0 && ::mysql_stmt_bind_result(statement, bound.data()) != 0)
    return failed(statement);
  Rows rows;
  rows.rows_.reserve(::mysql_stmt_num_rows(statement));
  for (;;) {
    const int fetched = ::mysql_stmt_fetch(statement);
    if (fetched == MYSQL_NO_DATA) return rows;
    if (fetched == 1) return failed(statement);
    // Cut values cannot happen: the buffers are as long as the longest.
    if (fetched == MYSQL_DATA_TRUNCATED)
      return transient(fmt::format("database {}: a value was cut short", where_));
    Rows::Row& row = rows.rows_.emplace_back(columns);
    for (unsigned i = 0; i < columns; ++i) {
      row[i].null = null[i] != 0;
      if (row[i].null) continue;
      row[i].number = number[i];
      if (!IS_NUM(fields[i].type)) row[i].text.assign(text[i], 0, length[i]);
    }
  }
}

Result<Rows> Connection::query(std::string_view sql, const std::vector<Value>& values) {
  Result<MYSQL_STMT*> statement = executed(sql, values);
  if (!statement) return pass(statement);
  return fetch(*statement);
}

Result<std::int64_t> Connection::run(std::string_view sql, const std::vector<Value>& values) {
  Result<MYSQL_STMT*> statement = executed(sql, values);
  if (!statement) return pass(statement);
  last_row_id_ = static_cast<std::int64_t>(::mysql_stmt_insert_id(*statement));
  return static_cast<std::int64_t>(::mysql_stmt_affected_rows(*statement));
}

}  // namespace toast::mariadb
