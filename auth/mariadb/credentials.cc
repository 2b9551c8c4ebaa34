#include "auth/mariadb/credentials.h"

#include <algorithm>

#include "auth/credential_rows.h"
#include "base/base64.h"
#include "base/mariadb/migrations.h"
#include "schema/embedded.h"

namespace toast::auth {
namespace {

Result<void> usable(mariadb::Connection& connection) {
  return mariadb::check_schema(connection, schema::mariadb_credentials());
}

Result<bool> any(const Result<std::int64_t>& matched) {
  if (!matched) return tl::unexpected(matched.error());
  return *matched > 0;
}

// In the order of the key: two writers that lock the same rows then wait for each other instead of
// locking each other out.
std::vector<const LastLogin*> in_key_order(std::span<const LastLogin> logins) {
  std::vector<const LastLogin*> ordered;
  ordered.reserve(logins.size());
  for (const LastLogin& login : logins) ordered.push_back(&login);
  std::stable_sort(ordered.begin(), ordered.end(), [](const LastLogin* a, const LastLogin* b) {
    if (a->account != b->account) return a->account < b->account;
    return service_name(a->service) < service_name(b->service);
  });
  return ordered;
}

}  // namespace

template <class Work>
auto MariadbCredentials::whole(Work work) -> decltype(work()) {
  for (int attempt = 1;; ++attempt) {
    auto done = work();
    if (done || attempt == mariadb::kMaxAttempts || !db_.lost_to_another()) return done;
  }
}

MariadbCredentials::MariadbCredentials(std::shared_ptr<mariadb::Servers> servers)
    : db_(std::move(servers), usable) {}

Result<std::optional<Credential>> MariadbCredentials::find(const std::string& account) {
  Result<mariadb::Rows> row = db_.query(
      "SELECT hash, state, changed_us, scram, reversible, sealed FROM credential"
      " WHERE account = ? AND label = ?",
      account, rows::kOwn);
  if (!row) return pass(row);
  Result<bool> there = row->step();
  if (!there) return pass(there);
  if (!*there) return std::optional<Credential>{};
  return rows::credential(*row);
}

Result<void> MariadbCredentials::put(const std::string& account, const std::string& hash,
                                     WallTime now) {
  if (Result<void> good = rows::check_account(account); !good) return good;
  if (Result<void> good = rows::check_hash(hash); !good) return good;
  Result<std::int64_t> done = db_.run(
      "INSERT INTO credential (account, label, hash, state, changed_us) VALUES (?, ?, ?, 0, ?)"
      " ON DUPLICATE KEY UPDATE hash = VALUES(hash), state = 0, changed_us = VALUES(changed_us),"
      " scram = '', sealed = ''",
      account, rows::kOwn, hash, unix_microseconds(now));
  if (!done) return pass(done);
  return {};
}

Result<void> MariadbCredentials::put_all(std::span<const NewCredential> credentials, WallTime now) {
  for (const NewCredential& c : credentials)
    if (Result<void> good = rows::check_new(c); !good) return good;
  return whole([&]() -> Result<void> {
    Result<mariadb::Transaction> transaction = mariadb::Transaction::begin(db_);
    if (!transaction) return pass(transaction);
    for (const NewCredential& c : credentials) {
      Result<std::int64_t> done = db_.run(
          "INSERT INTO credential (account, label, hash, state, changed_us, scram)"
          " VALUES (?, ?, ?, 0, ?, ?)"
          " ON DUPLICATE KEY UPDATE hash = VALUES(hash), state = 0,"
          " changed_us = VALUES(changed_us), scram = VALUES(scram), sealed = ''",
          c.account, rows::kOwn, c.hash, unix_microseconds(now), c.scram);
      if (!done) return pass(done);
    }
    return transaction->commit();
  });
}

Result<bool> MariadbCredentials::replace_hash(const std::string& account, const std::string& from,
                                              const std::string& better) {
  if (Result<void> good = rows::check_hash(better); !good) return pass(good);
  return any(
      db_.run("UPDATE credential SET hash = ?, scram = '', sealed = ''"
              " WHERE account = ? AND label = ? AND hash = ?",
              better, account, rows::kOwn, from));
}

Result<bool> MariadbCredentials::put_scram(const std::string& account, const std::string& hash,
                                           const std::string& scram) {
  if (Result<void> good = rows::check_scram(scram); !good) return pass(good);
  return any(db_.run("UPDATE credential SET scram = ? WHERE account = ? AND label = ? AND hash = ?",
                     scram, account, rows::kOwn, hash));
}

Result<bool> MariadbCredentials::set_reversible(const std::string& account, bool reversible) {
  return any(db_.run(
      reversible
          ? "UPDATE credential SET reversible = 1 WHERE account = ? AND label = ?"
          : "UPDATE credential SET reversible = 0, sealed = '' WHERE account = ? AND label = ?",
      account, rows::kOwn));
}

Result<bool> MariadbCredentials::put_sealed(const std::string& account, const std::string& hash,
                                            const std::string& sealed) {
  if (Result<void> good = rows::check_sealed(sealed); !good) return pass(good);
  return any(
      db_.run("UPDATE credential SET sealed = ?"
              " WHERE account = ? AND label = ? AND hash = ? AND reversible = 1",
              sealed, account, rows::kOwn, hash));
}

Result<std::vector<AppPassword>> MariadbCredentials::app_passwords(const std::string& account) {
  Result<mariadb::Rows> found = db_.query(
      "SELECT label, hash, services, state, changed_us, used_us, used_from"
      " FROM credential WHERE account = ? AND label <> ? ORDER BY label",
      account, rows::kOwn);
  if (!found) return pass(found);
  return rows::app_passwords(*found);
}

Result<std::optional<AppPassword>> MariadbCredentials::find_app_password(const std::string& account,
                                                                         const std::string& hash) {
  Result<mariadb::Rows> row = db_.query(
      "SELECT label, hash, services, state, changed_us, used_us, used_from"
      " FROM credential WHERE account = ? AND label <> ? AND hash = ?",
      account, rows::kOwn, hash);
  if (!row) return pass(row);
  return rows::one_app_password(*row);
}

Result<void> MariadbCredentials::put_app_password(const std::string& account,
                                                  const AppPassword& password) {
  if (Result<void> good = rows::check_app_password(account, password); !good) return good;
  Result<std::int64_t> done = db_.run(
      "INSERT INTO credential (account, label, hash, services, state, changed_us, used_us,"
      " used_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
      " ON DUPLICATE KEY UPDATE hash = VALUES(hash), services = VALUES(services),"
      " state = VALUES(state), changed_us = VALUES(changed_us), used_us = VALUES(used_us),"
      " used_from = VALUES(used_from)",
      account, password.name, password.hash, password.services, rows::number_of(password.state),
      unix_microseconds(password.made), rows::used_us(password), password.used_from);
  if (!done) return pass(done);
  return {};
}

Result<bool> MariadbCredentials::remove_app_password(const std::string& account,
                                                     const std::string& name) {
  return any(db_.run("DELETE FROM credential WHERE account = ? AND label = ? AND label <> ?",
                     account, name, rows::kOwn));
}

Result<bool> MariadbCredentials::set_state(const std::string& account, CredentialState state) {
  return any(db_.run("UPDATE credential SET state = ? WHERE account = ?", rows::number_of(state),
                     account));
}

Result<bool> MariadbCredentials::remove(const std::string& account) {
  return whole([&]() -> Result<bool> {
    Result<mariadb::Transaction> transaction = mariadb::Transaction::begin(db_);
    if (!transaction) return pass(transaction);
    Result<std::int64_t> removed = db_.run("DELETE FROM credential WHERE account = ?", account);
    if (!removed) return pass(removed);
    Result<std::int64_t> logins = db_.run("DELETE FROM last_login WHERE account = ?", account);
    if (!logins) return pass(logins);
    if (Result<void> done = transaction->commit(); !done) return pass(done);
    return *removed > 0;
  });
}

Result<void> MariadbCredentials::record_logins(std::span<const LastLogin> logins) {
  if (logins.empty()) return {};
  const std::vector<const LastLogin*> ordered = in_key_order(logins);
  return whole([&]() -> Result<void> {
    Result<mariadb::Transaction> transaction = mariadb::Transaction::begin(db_);
    if (!transaction) return pass(transaction);
    for (const LastLogin* login : ordered) {
      // The assignments are made in this order: `at_us` is still the old one in the first.
      Result<std::int64_t> done = db_.run(
          "INSERT INTO last_login (account, service, at_us, peer) VALUES (?, ?, ?, ?)"
          " ON DUPLICATE KEY UPDATE peer = IF(VALUES(at_us) >= at_us, VALUES(peer), peer),"
          " at_us = GREATEST(at_us, VALUES(at_us))",
          login->account, service_name(login->service), unix_microseconds(login->at), login->peer);
      if (!done) return pass(done);
      if (login->app_password.empty()) continue;
      const std::int64_t at_us = unix_microseconds(login->at);
      done = db_.run(
          "UPDATE credential SET used_us = ?, used_from = ?"
          " WHERE account = ? AND label = ? AND used_us <= ?",
          at_us, login->peer, login->account, login->app_password, at_us);
      if (!done) return pass(done);
    }
    return transaction->commit();
  });
}

Result<std::vector<LastLogin>> MariadbCredentials::last_logins(const std::string& account) {
  Result<mariadb::Rows> found = db_.query(
      "SELECT service, at_us, peer FROM last_login WHERE account = ? ORDER BY service", account);
  if (!found) return pass(found);
  return rows::last_logins(account, *found);
}

Result<std::string> MariadbCredentials::secret(const std::string& name,
                                               const std::string& candidate) {
  Result<std::int64_t> put = db_.run("INSERT IGNORE INTO secret (name, value) VALUES (?, ?)", name,
                                     base64_encode(candidate));
  if (!put) return pass(put);
  Result<mariadb::Rows> row = db_.query("SELECT value FROM secret WHERE name = ?", name);
  if (!row) return pass(row);
  return rows::secret(*row);
}

Result<std::vector<std::string>> MariadbCredentials::accounts(const std::string& after,
                                                              std::size_t limit) {
  Result<mariadb::Rows> found = db_.query(
      "SELECT DISTINCT account FROM credential WHERE account > ? ORDER BY account LIMIT ?", after,
      static_cast<std::int64_t>(limit));
  if (!found) return pass(found);
  return rows::names(*found);
}

}  // namespace toast::auth
