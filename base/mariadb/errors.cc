#include "base/mariadb/errors.h"

#include <fmt/format.h>
#include <mariadb/errmsg.h>
#include <mariadb/mysqld_error.h>

namespace toast::mariadb {
namespace {

// Not in the connector's header.
constexpr unsigned kConnectionKilled = 1927;
constexpr unsigned kStatementTimeout = 1969;
constexpr unsigned kCheckConstraint = 4025;
constexpr unsigned kReadOnlyMode = 1836;
constexpr unsigned kNeedReprepare = 1615;
constexpr unsigned kStatementGone = 1243;
constexpr unsigned kUnknownCommandOfNode = 1047;  // what a node outside its cluster's majority says

std::string explain(unsigned code, std::string_view where, std::string_view message) {
  switch (code) {
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case kConnectionKilled:
    case ER_SERVER_SHUTDOWN:
      return fmt::format("database {}: the connection was lost ({})", where, message);
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
      return fmt::format("database {} cannot be reached ({}): is the server running?", where,
                         message);
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
      return fmt::format("database {} has no connection left ({}): raise max_connections", where,
                         message);
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_LOCK_DEADLOCK:
      return fmt::format("database {} is locked by somebody else; try again", where);
    case ER_OPTION_PREVENTS_STATEMENT:
    case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
    case kReadOnlyMode:
      return fmt::format("database {} is read-only ({})", where, message);
    case kUnknownCommandOfNode:
      return fmt::format("database {}: this node has lost its cluster ({})", where, message);
    case ER_ACCESS_DENIED_ERROR:
      return fmt::format(
          "database {}: the server refuses our user or password ({}): compare the password file "
          "with toastctl schema grants",
          where, message);
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
      return fmt::format("database {}: our user lacks a right there ({}): toastctl schema grants",
                         where, message);
    case ER_BAD_DB_ERROR:
      return fmt::format("database {} does not exist: toastctl schema grants says how to make it",
                         where);
    case ER_NO_SUCH_TABLE:
    case ER_BAD_FIELD_ERROR:
      return fmt::format("database {} lacks part of its schema ({}): run toastctl schema migrate",
                         where, message);
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
      return fmt::format("database {}: the server's disk is full", where);
    case CR_SSL_CONNECTION_ERROR:
      return fmt::format("database {}: no TLS that can be trusted ({})", where, message);
    case kStatementTimeout:
      return fmt::format("database {} was too slow; try again", where);
    default:
      return fmt::format("database {}: {} (error {})", where, message, code);
  }
}

bool is_constraint(unsigned code) {
  switch (code) {
    case ER_DUP_ENTRY:
    case ER_DUP_ENTRY_WITH_KEY_NAME:
    case ER_ROW_IS_REFERENCED:
    case ER_ROW_IS_REFERENCED_2:
    case ER_NO_REFERENCED_ROW:
    case ER_NO_REFERENCED_ROW_2:
    case ER_BAD_NULL_ERROR:
    case ER_DATA_TOO_LONG:
    case kCheckConstraint:
      return true;
    default:
      return false;
  }
}

}  // namespace

Error make_error(unsigned code, std::string_view where, std::string_view message) {
  if (is_constraint(code))
    return {Failure::permanent, "5.3.0 refused", fmt::format("database {}: {}", where, message)};
  return {Failure::transient, "4.3.0 try again later", explain(code, where, message)};
}

bool is_connection_lost(unsigned code) {
  switch (code) {
    case ER_SERVER_SHUTDOWN:
    case ER_CON_COUNT_ERROR:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case kConnectionKilled:
    case kUnknownCommandOfNode:
      return true;
    default:
      return code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;  // the connector's own: no server there
  }
}

bool may_be_repeated(unsigned code) {
  return code == ER_LOCK_DEADLOCK || code == kNeedReprepare || code == kStatementGone;
}

bool may_be_begun_anew(unsigned code) {
  return may_be_repeated(code) || code == kUnknownCommandOfNode;
}

}  // namespace toast::mariadb
