#include "vdomain/sqlite/store_transaction.h"

#include "vdomain/sql_writes.h"

namespace toast::vdomain {

Result<std::unique_ptr<StoreTransaction>> begin_sqlite_directory_transaction(
    sqlite::Connection& db) {
  Result<sqlite::Transaction> transaction = sqlite::Transaction::begin(db);
  if (!transaction) return pass(transaction);
  return std::make_unique<SqlWrites<sqlite::Connection, sqlite::Transaction>>(
      db, std::move(*transaction));
}

}  // namespace toast::vdomain
