// A database as its repository holds it: connected at the first question, again after a loss, to
// whichever server works. Not safe for use by two threads at once; each has its own, over the same
// Servers.
//
// Outside a transaction a statement whose connection was lost is sent once more on a new one, and
// one that lost a deadlock up to kMaxAttempts times: so it must be one that may be carried out
// twice (a read, an upsert). Inside a transaction nothing is repeated: whatever fails, all that
// follows fails too.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mariadb/connection.h"
#include "base/mariadb/errors.h"
#include "base/mariadb/servers.h"

namespace toast::mariadb {

// What lost to another writer at the same moment is done so often in all.
inline constexpr int kMaxAttempts = 5;

class Database {
 public:
  Database(std::shared_ptr<Servers> servers, Servers::Accept accept)
      : servers_(std::move(servers)), accept_(std::move(accept)) {}

  template <class... Values>
  [[nodiscard]] Result<Rows> query(std::string_view sql, const Values&... values) {
    const std::vector<Value> bound{Value(values)...};
    return with([&](Connection& c) { return c.query(sql, bound); });
  }
  // The result is the number of rows that it matched.
  template <class... Values>
  [[nodiscard]] Result<std::int64_t> run(std::string_view sql, const Values&... values) {
    const std::vector<Value> bound{Value(values)...};
    return with([&](Connection& c) { return c.run(sql, bound); });
  }
  std::int64_t last_row_id() const { return connection_ ? connection_->last_row_id() : 0; }

  // Connects if there is no connection. The number of connections made so far.
  [[nodiscard]] Result<std::uint64_t> connected();
  // The last transaction failed because of another at the same moment (a deadlock, a lost
  // certification, a node that has lost its cluster), and nothing of it is stored.
  bool lost_to_another() const { return lost_to_another_; }
  std::string path() const;  // for messages: database and server

 private:
  friend class Transaction;
  template <class Work>
  auto with(Work work) -> decltype(work(std::declval<Connection&>())) {
    if (in_transaction_) return with_transaction(std::move(work));
    for (int attempt = 1;; ++attempt) {
      if (Result<std::uint64_t> there = connected(); !there) return pass(there);
      auto result = work(*connection_);
      if (result || !is_worth_another(attempt)) return result;
    }
  }
  template <class Work>
  auto with_transaction(Work work) -> decltype(work(std::declval<Connection&>())) {
    if (!connection_ || broken_) return transient(after_failure());
    auto result = work(*connection_);
    if (!result) {
      broken_ = true;
      lost_to_another_ = may_be_begun_anew(connection_->last_error());
    }
    return result;
  }
  bool is_worth_another(int attempts);
  std::string after_failure() const;

  std::shared_ptr<Servers> servers_;
  Servers::Accept accept_;
  std::optional<Connection> connection_;
  std::uint64_t connects_ = 0;
  bool in_transaction_ = false;
  bool lost_to_another_ = false;
  bool broken_ = false;  // a statement of the transaction failed
};

// Rolls back unless commit() ran. An error of commit() may come after the server has committed: the
// answer was lost. Whoever repeats the change finds it done already.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Database& db);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  [[nodiscard]] Result<void> commit();

 private:
  explicit Transaction(Database& db) : db_(&db) {}
  void end(bool roll_back);
  Database* db_;
};

}  // namespace toast::mariadb
