#include "base/mariadb/database.h"

#include "base/mariadb/errors.h"

namespace toast::mariadb {

Result<std::uint64_t> Database::connected() {
  if (connection_) return connects_;
  Result<Connection> made = servers_->connect(accept_);
  if (!made) return pass(made);
  connection_ = std::move(*made);
  return ++connects_;
}

std::string Database::path() const {
  return connection_ ? connection_->where() : servers_->options().database;
}

// Lets a lost connection go, in any case.
bool Database::is_worth_another(int attempts) {
  const unsigned code = connection_->last_error();
  const bool lost = is_connection_lost(code);
  if (lost) connection_.reset();
  if (attempts == 1) return lost || may_be_repeated(code);
  return attempts < kMaxAttempts && may_be_repeated(code);
}

std::string Database::after_failure() const {
  return "database " + path() + ": the transaction has failed before; nothing of it is stored";
}

Result<Transaction> Transaction::begin(Database& db) {
  db.lost_to_another_ = false;
  if (db.in_transaction_) return transient("database " + db.path() + ": a transaction is open");
  Result<void> begun = db.with([](Connection& c) { return c.execute("START TRANSACTION"); });
  if (!begun) return pass(begun);
  db.in_transaction_ = true;
  db.broken_ = false;
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ != nullptr) end(true);
}

Result<void> Transaction::commit() {
  Result<void> done = db_->with([](Connection& c) { return c.execute("COMMIT"); });
  if (!done) return done;  // the destructor cleans up
  end(false);
  return {};
}

void Transaction::end(bool roll_back) {
  Database& db = *std::exchange(db_, nullptr);
  db.in_transaction_ = false;
  // A connection that cannot even roll back is let go, and the server does it.
  if (roll_back && db.connection_ && !db.connection_->execute("ROLLBACK")) db.connection_.reset();
}

}  // namespace toast::mariadb
